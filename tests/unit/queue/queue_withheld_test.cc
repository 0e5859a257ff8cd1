// Deletes that are kept from the backup: what the queue keeps of them.
#include <gtest/gtest.h>

#include "dualsync/queue/queue_inspect.h"
#include "support/names.h"
#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using test::id_key;
using test::make_ddl;
using test::make_op;

const Namespace kPapers{"shop", "papers"};

class QueueWithheldTest : public test::QueueFixture {
 protected:
  void SetUp() override { open(); }

  void withhold(int begin, int end, bool discarded = false, const Namespace& ns = kBills) {
    std::vector<Operation> ops;
    for (int i = begin; i < end; ++i) ops.push_back(make_op(OpKind::kDelete, std::to_string(i), "", {10, 1}, ns));
    append(ops, {10, 1});
    std::vector<Completion> completions;
    for (const TakenOperation& taken : take()) {
      Completion completion;
      completion.seq = taken.seq;
      completion.kind = Completion::Kind::kWithhold;
      completion.discarded = discarded;
      completions.push_back(completion);
    }
    ASSERT_TRUE(queue_->complete(completions).ok());
  }

  std::uint64_t held(const Namespace& ns = kBills) const {
    for (const WithheldNamespace& one : queue_->withheld()) {
      if (one.ns == ns) return one.held;
    }
    return 0;
  }
};

TEST_F(QueueWithheldTest, KeepsThemOverARestartOnceForEachDocument) {
  withhold(0, 10);
  withhold(5, 6);
  withhold(20, 22, true);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(held(), 10U);
    EXPECT_EQ(queue_->withheld().at(0).discarded, 2U);
    EXPECT_EQ(*queue_->withheld_state(kBills, id_key("5")), Withheld::kHeld);
    EXPECT_EQ(*queue_->withheld_state(kBills, id_key("20")), Withheld::kDiscarded);
    EXPECT_EQ(*queue_->withheld_state(kBills, id_key("11")), Withheld::kNo);
    EXPECT_EQ(*queue_->withheld_state(kPapers, id_key("5")), Withheld::kNo);
    EXPECT_EQ(*queue_->withheld_state(kBills, id_key("5.0")), Withheld::kHeld) << "equal numbers are one document";
    EXPECT_EQ(queue_->stats().operations, 0U);
    open();
  }
  queue_.reset();
  EXPECT_EQ(read_withheld(options_.directory)->size(), 12U);
  const auto report = check_queue(options_.directory, [](std::uint64_t, std::uint64_t) {});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->withheld, 12U);
  EXPECT_EQ(report->problem_count, 0U);
}

TEST_F(QueueWithheldTest, TellsTheLaneAndGoesWhenAWriteGotThrough) {
  withhold(0, 2);
  withhold(2, 3, true);
  append({make_op(OpKind::kTouch, "1", "", {11, 1}), make_op(OpKind::kTouch, "2", "", {11, 1})}, {11, 1});
  const auto taken = take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].withheld, Withheld::kHeld);
  EXPECT_EQ(taken[1].withheld, Withheld::kDiscarded);
  std::vector<Completion> done(2);
  done[0].seq = taken[0].seq;
  done[0].kind = Completion::Kind::kWithhold;
  done[1].seq = taken[1].seq;
  ASSERT_TRUE(queue_->complete(done).ok());
  EXPECT_EQ(held(), 2U);
  EXPECT_EQ(*queue_->withheld_state(kBills, id_key("2")), Withheld::kNo);
}

TEST_F(QueueWithheldTest, PagesAreWholeAndDoNotRepeat) {
  withhold(0, 7);
  withhold(0, 3, false, kPapers);
  std::string after;
  std::vector<std::string> seen;
  do {
    const auto page = queue_->withheld_documents(kBills, after, 3);
    ASSERT_TRUE(page.ok());
    for (const WithheldDocument& one : page->documents) seen.push_back(one.document_key);
    after = page->next;
  } while (!after.empty());
  EXPECT_EQ(seen.size(), 7U);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 7U);
  EXPECT_EQ(queue_->withheld_documents({}, "", 100)->documents.size(), 10U);
  EXPECT_EQ(queue_->withheld_documents(kBills, "shop.papers", 3).error().kind, ErrorKind::kNotFound);
}

TEST_F(QueueWithheldTest, GivesBackAllThatAreHeldAsTouches) {
  for (int i = 0; i < 2500; i += 500) withhold(i, i + 500);
  withhold(3000, 3001, true);
  EXPECT_EQ(*queue_->give_back_withheld(kBills, {10, 1}), 2500U);
  EXPECT_EQ(held(), 0U);
  EXPECT_EQ(queue_->withheld().at(0).discarded, 1U);
  EXPECT_EQ(queue_->stats().operations, 2500U);
  EXPECT_EQ(take()[0].op.kind, OpKind::kTouch);
  EXPECT_LT(queue_->settled_position(), (OpTime{10, 1}));
  EXPECT_EQ(*queue_->give_back_withheld(kBills, {10, 1}), 0U);
}

TEST_F(QueueWithheldTest, FollowsARenameAndGoesWithADrop) {
  const auto apply_ddl = [&](const Operation& op, OpTime time) {
    append({op}, time);
    const auto ddl = queue_->take_ddl(std::chrono::milliseconds(100), {});
    ASSERT_TRUE(ddl.ok() && ddl->has_value());
    ASSERT_TRUE(queue_->complete_ddl((*ddl)->seq, {}, {}).ok());
  };
  withhold(0, 3);
  withhold(5, 6, true);
  withhold(0, 1, false, kPapers);
  apply_ddl(make_ddl("rename", kBills, {11, 1}, R"(,"to":{"db":"shop","coll":"papers"})"), {11, 1});
  EXPECT_EQ(held(kBills), 0U);
  EXPECT_EQ(held(kPapers), 3U) << "those of the collection that it replaced are gone";
  EXPECT_EQ(*queue_->withheld_state(kPapers, id_key("5")), Withheld::kDiscarded);
  EXPECT_EQ(*queue_->withheld_state(kPapers, id_key("0")), Withheld::kHeld);
  apply_ddl(make_ddl("drop", kPapers, {12, 1}), {12, 1});
  EXPECT_TRUE(queue_->withheld().empty());
  withhold(0, 3);
  apply_ddl(make_ddl("dropDatabase", {"shop", ""}, {13, 1}), {13, 1});
  EXPECT_TRUE(queue_->withheld().empty());
}

TEST_F(QueueWithheldTest, AQueueInMemoryKeepsThem) {
  queue_.reset();
  options_.persist = false;
  open();
  withhold(0, 3);
  ASSERT_TRUE(queue_->sync().ok());
  open();
  EXPECT_EQ(held(), 3U);
}

}  // namespace
}  // namespace dualsync
