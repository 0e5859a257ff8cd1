// The disk fails under a running queue, and comes back.
#include <algorithm>

#include "support/forgetful_env.h"
#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_op;

class QueueRecover : public test::QueueFixture {
 protected:
  QueueRecover() {
    options_.directory = "/queue";
    options_.env = &disk_;
  }
  ~QueueRecover() override { queue_.reset(); }

  static Operation replace(int id, int value, OpTime time) {
    return make_op(OpKind::kReplace, std::to_string(id), document(std::to_string(id), value), time);
  }
  Result<void> try_append(const Operation& op, std::uint64_t generation = 0) {
    AppendBatch batch;
    batch.operations.push_back(op.view());
    batch.position = {"token", op.time, false, "rs0"};
    batch.generation = generation;
    return queue_->append(batch);
  }
  void expect_io(const Result<void>& result) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, ErrorKind::kIo) << result.error().message;
  }
  void come_back() {
    disk_.set_full(false);
    const auto recovered = queue_->recover();
    ASSERT_TRUE(recovered.ok()) << recovered.error().message;
    EXPECT_FALSE(queue_->trouble());
  }

  test::ForgetfulEnv disk_;  // the queue goes first: see the destructor
};

TEST_F(QueueRecover, AFullDiskStopsEverythingAndLosesNothing) {
  open();
  append({replace(1, 1, {10, 1}), replace(2, 1, {10, 2})});
  ASSERT_TRUE(queue_->put_state("a", "kept").ok());
  disk_.set_full(true);
  expect_io(try_append(replace(3, 1, {10, 3})));
  ASSERT_TRUE(queue_->trouble());
  disk_.set_full(false);  // there is room again, but memory may be ahead of the disk: nothing is done before recover()
  expect_io(try_append(replace(4, 1, {10, 4})));
  expect_io(queue_->sync());
  expect_io(queue_->put_state("a", "b"));
  EXPECT_FALSE(queue_->take(0, {}, std::chrono::milliseconds(0), {}).ok());
  EXPECT_FALSE(queue_->get_state("a").ok());
  EXPECT_FALSE(queue_->dead_letters(10).ok());
  come_back();
  EXPECT_EQ(queue_->position().time, (OpTime{10, 2})) << "what was not stored is read again from local";
  EXPECT_EQ(queue_->get_state("a").value(), "kept");
  append({replace(3, 1, {10, 3})});
  EXPECT_EQ(take().size(), 3U);
}

TEST_F(QueueRecover, AsLongAsTheDiskIsFullItStaysInTrouble) {
  open();
  append({replace(1, 1, {10, 1})});
  disk_.set_full(true);
  expect_io(try_append(replace(2, 1, {10, 2})));
  for (int i = 0; i < 3; ++i) expect_io(queue_->recover());
  ASSERT_TRUE(queue_->trouble());
  expect_io(try_append(replace(2, 1, {10, 2})));
  expect_io(queue_->put_state("a", "b"));
  EXPECT_FALSE(queue_->list_state("").ok());
  EXPECT_EQ(queue_->stats().operations, 2U) << "numbers can be asked for meanwhile";
  come_back();
  EXPECT_EQ(queue_->stats().operations, 1U);
}

TEST_F(QueueRecover, WhatLanesHoldIsWaitedForAndGivenOutAgain) {
  open();
  append({replace(1, 1, {10, 1}), replace(2, 1, {10, 2})});
  auto taken = take(1);
  ASSERT_EQ(taken.size(), 1U);
  disk_.set_full(true);
  expect_io(try_append(replace(1, 2, {10, 3})));
  disk_.set_full(false);
  expect_io(queue_->recover());
  EXPECT_EQ(taken[0].op.ns().full(), "shop.bills") << "its views live until it is completed";
  Completion done;
  done.seq = taken[0].seq;
  expect_io(queue_->complete({done}));
  come_back();
  EXPECT_EQ(take().size(), 2U) << "its end was not stored, so it is sent again";
}

TEST_F(QueueRecover, ADdlChangeInHandIsGivenOutAgain) {
  open();
  append({test::make_ddl("drop", {"shop", "bills"}, {10, 1})});
  ASSERT_TRUE(take().empty());
  auto ddl = queue_->take_ddl(std::chrono::milliseconds(0), {});
  ASSERT_TRUE(ddl.ok() && ddl->has_value());
  disk_.set_full(true);
  expect_io(queue_->complete_ddl((*ddl)->seq, {}, {}));
  come_back();
  ASSERT_TRUE(take().empty());
  ddl = queue_->take_ddl(std::chrono::milliseconds(0), {});
  ASSERT_TRUE(ddl.ok() && ddl->has_value());
  EXPECT_TRUE(queue_->complete_ddl((*ddl)->seq, {}, {}).ok());
  EXPECT_EQ(queue_->stats().operations, 0U);
}

TEST_F(QueueRecover, AStreamThatContinuesWhatMayBeGoneIsRefused) {
  open();
  append({replace(1, 1, {10, 1})});
  const auto before = queue_->generation();
  ASSERT_TRUE(try_append(replace(2, 1, {10, 2}), before).ok());
  disk_.set_full(true);
  expect_io(queue_->sync());
  come_back();
  EXPECT_NE(queue_->generation(), before);
  expect_io(try_append(replace(3, 1, {10, 3}), before));
  EXPECT_FALSE(queue_->trouble()) << "only that stream has to open again";
  EXPECT_LT(queue_->position().time, (OpTime{10, 3}));
  EXPECT_TRUE(try_append(replace(3, 1, {10, 3}), queue_->generation()).ok());
}

TEST_F(QueueRecover, AHeldNamespaceStaysHeld) {
  open();
  queue_->hold({"shop", "bills"});
  append({replace(1, 1, {10, 1})});
  disk_.set_full(true);
  expect_io(try_append(replace(2, 1, {10, 2})));
  come_back();
  EXPECT_TRUE(take().empty());
  append({replace(2, 1, {10, 2})});
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 0}));
  queue_->release({"shop", "bills"});
  EXPECT_EQ(take().size(), 2U);
}

TEST_F(QueueRecover, AGapThatWasBeingRepairedStaysDirty) {
  open();
  ASSERT_TRUE(queue_->mark_dirty({{"shop", "bills"}, "gap", {10, 1}, false, ""}).ok());
  const DirtyRange seen = queue_->dirty_ranges().at(0);
  disk_.set_full(true);
  expect_io(try_append(replace(2, 1, {10, 2})));
  come_back();
  // The repairs that were found before may be gone, so its end does not count.
  ASSERT_TRUE(queue_->finish_dirty(seen).ok());
  ASSERT_EQ(queue_->dirty_ranges().size(), 1U);
  ASSERT_TRUE(queue_->finish_dirty(queue_->dirty_ranges().at(0)).ok());
  EXPECT_TRUE(queue_->dirty_ranges().empty());
}

TEST_F(QueueRecover, ADirectoryThatIsGoneIsNoFirstStart) {
  open();
  append({replace(1, 1, {10, 1})});
  disk_.set_full(true);
  expect_io(try_append(replace(2, 1, {10, 2})));
  disk_.set_full(false);
  ASSERT_TRUE(disk_.RenameFile("/queue/CURRENT", "/elsewhere/CURRENT").ok());
  expect_io(queue_->recover());
  EXPECT_TRUE(queue_->trouble());
  ASSERT_TRUE(disk_.RenameFile("/elsewhere/CURRENT", "/queue/CURRENT").ok());
  come_back();
  EXPECT_EQ(queue_->position().time, (OpTime{10, 1}));
}

TEST_F(QueueRecover, DamageIsNotRecoveredFrom) {
  open();
  append({replace(1, 1, {10, 1})});
  Operation without_id = replace(2, 1, {10, 2});
  without_id.document_key = test::bson("{}");
  EXPECT_FALSE(try_append(without_id).ok());
  const auto recovered = queue_->recover();
  ASSERT_FALSE(recovered.ok());
  EXPECT_EQ(recovered.error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace dualsync
