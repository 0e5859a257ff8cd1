// The queue in strict order: what the one lane gets, and what holds it up.
#include "support/fake_clock.h"
#include "support/names.h"
#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_ddl;
using test::make_op;
using Kind = Completion::Kind;
using Seqs = std::vector<SeqNo>;

const Namespace kGoods{"shop", "goods"};

class QueueStrictTest : public test::QueueFixture {
 protected:
  QueueStrictTest() {
    options_.strict = true;
    options_.clock = &clock_;
  }
  void SetUp() override { open(); }

  static Operation insert(int id, const Namespace& ns = kBills) {
    return make_op(OpKind::kInsert, std::to_string(id), document(std::to_string(id), id), {10, 1}, ns);
  }
  static Operation replace(int id, int v, const Namespace& ns = kBills) {
    return make_op(OpKind::kReplace, std::to_string(id), document(std::to_string(id), v), {10, 1}, ns);
  }
  static Operation delta(int id) {
    return make_op(OpKind::kDelta, std::to_string(id), test::bson(R"({"updatedFields":{"v":1},"removedFields":[]})"));
  }

  Seqs taken_now() {
    taken_ = take();
    Seqs seqs;
    for (const TakenOperation& one : taken_) seqs.push_back(one.seq);
    return seqs;
  }
  // The next run, and that it is done.
  Seqs done_next() {
    Seqs seqs = taken_now();
    complete(taken_);
    return seqs;
  }

  test::FakeClock clock_;
  std::vector<TakenOperation> taken_;
};

TEST_F(QueueStrictTest, NothingMerges) {
  append({insert(1), replace(1, 2), replace(1, 3)});
  append({make_op(OpKind::kDelete, "1")});
  EXPECT_EQ(queue_->stats().operations, 4U);
  EXPECT_EQ(queue_->stats().coalesced, 0U);
  for (SeqNo seq = 1; seq <= 4; ++seq) EXPECT_EQ(done_next(), Seqs{seq});
  EXPECT_TRUE(done_next().empty());
}

TEST_F(QueueStrictTest, ARunIsOfOneNamespaceAndOneKindWithEachDocumentOnce) {
  append({insert(1), insert(2), insert(3, kGoods), insert(4), replace(1, 5), replace(2, 5), replace(1, 6),
          replace(2, 7), delta(1), delta(2), insert(9)});
  EXPECT_EQ(done_next(), (Seqs{1, 2}));
  EXPECT_EQ(done_next(), (Seqs{3}));
  EXPECT_EQ(done_next(), (Seqs{4}));
  EXPECT_EQ(done_next(), (Seqs{5, 6}));
  EXPECT_EQ(done_next(), (Seqs{7, 8}));
  EXPECT_EQ(done_next(), (Seqs{9}));
  EXPECT_EQ(done_next(), (Seqs{10}));
  EXPECT_EQ(done_next(), (Seqs{11}));
}

TEST_F(QueueStrictTest, TheLimitsEndARun) {
  append({insert(1), insert(2), insert(3)});
  taken_ = take(2);
  ASSERT_EQ(taken_.size(), 2U);
  complete(taken_);
  auto one = queue_->take(0, {100, 1}, std::chrono::milliseconds(0), {});
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->size(), 1U) << "a single one goes whatever its size";
}

TEST_F(QueueStrictTest, NothingPassesWhatIsInFlightOrWaitsToBeTriedAgain) {
  append({insert(1), insert(2), insert(3, kGoods)});
  ASSERT_EQ(taken_now(), (Seqs{1, 2}));
  EXPECT_TRUE(take().empty()) << "two are in flight";
  Completion refused;
  refused.seq = 1;
  refused.kind = Kind::kRetry;
  refused.delay = std::chrono::seconds(5);
  Completion behind;
  behind.seq = 2;
  behind.kind = Kind::kPutBack;
  ASSERT_TRUE(queue_->complete({refused, behind}).ok());
  EXPECT_TRUE(take().empty());
  clock_.advance(std::chrono::seconds(5));
  ASSERT_EQ(taken_now(), (Seqs{1, 2}));
  EXPECT_EQ(taken_[0].op.attempts, 1U);
  refused.kind = Kind::kDeadLetter;
  ASSERT_TRUE(queue_->complete({refused, behind}).ok());
  EXPECT_EQ(queue_->stats().dead_letters, 1U);
  EXPECT_EQ(done_next(), (Seqs{2}));
  EXPECT_EQ(done_next(), (Seqs{3}));
}

TEST_F(QueueStrictTest, ALaterChangeDoesNotJoinARefusedOne) {
  append({insert(1)});
  ASSERT_EQ(taken_now(), (Seqs{1}));
  append({replace(1, 2)});
  complete(taken_, Kind::kDeadLetter);
  EXPECT_EQ(queue_->stats().dead_letters, 1U);
  EXPECT_EQ(done_next(), (Seqs{2}));
  EXPECT_EQ(queue_->stats().dead_letters, 0U) << "the whole document got through";
}

TEST_F(QueueStrictTest, ADdlChangeStandsInTheOrderOfAllNamespaces) {
  const auto ddl = [&] { return queue_->take_ddl(std::chrono::milliseconds(0), {}); };
  append({insert(1, kGoods), make_ddl("drop", kBills, {10, 2}), insert(2, kGoods)});
  ASSERT_EQ(taken_now(), (Seqs{1}));
  EXPECT_FALSE(ddl()->has_value()) << "something older of another namespace is not done";
  complete(taken_);
  EXPECT_TRUE(take().empty()) << "it is the DDL change's turn";
  const auto taken = ddl();
  ASSERT_TRUE(taken.ok() && taken->has_value());
  EXPECT_TRUE(take().empty());
  ASSERT_TRUE(queue_->complete_ddl((*taken)->seq, {}, {}).ok());
  EXPECT_EQ(done_next(), (Seqs{3}));
}

TEST_F(QueueStrictTest, KeepsItsOrderBeyondTheWindowAndThroughARestart) {
  options_.memory_operations = 3;
  open();
  std::vector<Operation> ops;
  for (int i = 0; i < 20; ++i) ops.push_back(replace(1, i));
  append(ops);
  for (SeqNo seq = 1; seq <= 10; ++seq) EXPECT_EQ(done_next(), Seqs{seq});
  EXPECT_EQ(taken_now(), Seqs{11});
  open();  // the process ended with it in flight
  for (SeqNo seq = 11; seq <= 20; ++seq) EXPECT_EQ(done_next(), Seqs{seq});
  EXPECT_EQ(queue_->stats().coalesced, 0U);
}

TEST_F(QueueStrictTest, WhatAStrictQueueHeldMergesInAQueueThatIsNot) {
  append({insert(1), replace(1, 2), replace(2, 2), replace(1, 3)});
  options_.strict = false;
  open();
  EXPECT_EQ(taken_now(), (Seqs{1, 3}));
  EXPECT_EQ(taken_[0].op.payload, document("1", 3));
}

}  // namespace
}  // namespace dualsync
