#include "dualsync/pipeline/full_sync_job.h"

#include <gtest/gtest.h>

#include "support/fake_clock.h"
#include "support/forgetful_env.h"
#include "support/names.h"
#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_op;

const Namespace kGoods{"shop", "goods"};

FullSyncPart part_of(const Namespace& ns) {
  FullSyncPart part;
  part.ns = ns;
  part.documents_total = 100;
  return part;
}

class FullSyncJobTest : public test::QueueFixture {
 protected:
  ~FullSyncJobTest() override { queue_.reset(); }  // before its disk

  void SetUp() override {
    options_.env = &disk_;
    open();
    append({}, {10, 1});
    job_ = std::make_unique<FullSyncJob>(*queue_, clock_);
  }
  void start() { ASSERT_TRUE(job_->start({}, {part_of(kBills), part_of(kGoods)}).ok()); }
  void finish(const Namespace& ns) {
    for (const DirtyRange& range : queue_->dirty_ranges()) {
      if (range.ns == ns) {
        ASSERT_TRUE(queue_->finish_dirty(range).ok());
      }
    }
    ASSERT_TRUE(job_->tend().ok());
  }

  test::ForgetfulEnv disk_;
  test::FakeClock clock_;
  std::unique_ptr<FullSyncJob> job_;
};

TEST_F(FullSyncJobTest, OnlyOneAtATime) {
  start();
  const auto second = job_->start({}, {part_of(kBills)});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(queue_->dirty_ranges().size(), 2U);
}

TEST_F(FullSyncJobTest, WhatTheDiskDoesNotTakeHasNotBegun) {
  disk_.set_full(true);
  const auto refused = job_->start({}, {part_of(kBills)});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(job_->view().state, FullSyncStatus::State::kNone);
  EXPECT_TRUE(queue_->dirty_ranges().empty());
  disk_.set_full(false);
  ASSERT_TRUE(queue_->recover().ok());
  ASSERT_TRUE(job_->load().ok());
  EXPECT_EQ(job_->view().state, FullSyncStatus::State::kNone);
  EXPECT_TRUE(queue_->dirty_ranges().empty());
  start();
}

TEST_F(FullSyncJobTest, NothingIsKnownToBeMissing) {
  start();
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 1})) << "it does not wait for what somebody asked for";
  EXPECT_EQ(queue_->stats().dirty_ranges, 0U);
}

TEST_F(FullSyncJobTest, IsDoneOnceItsRepairsAreApplied) {
  start();
  append({make_op(OpKind::kTouch, "1", "", {10, 1})}, {10, 1});
  finish(kBills);
  EXPECT_EQ(job_->view().parts_done(), 1U);
  finish(kGoods);
  EXPECT_EQ(job_->view().state, FullSyncStatus::State::kRunning) << "a repair waits in the queue";
  complete(take());
  ASSERT_TRUE(job_->tend().ok());
  EXPECT_EQ(job_->view().state, FullSyncStatus::State::kDone);
  EXPECT_TRUE(job_->start({}, {part_of(kBills)}).ok());
  EXPECT_EQ(job_->view().id, 2U);
}

TEST_F(FullSyncJobTest, WhatBecomesDirtyAnewIsDoneAllTheSame) {
  start();
  ASSERT_TRUE(queue_->mark_dirty({kBills, "told", {5, 1}, false, ""}).ok());
  finish(kGoods);
  EXPECT_EQ(job_->view().state, FullSyncStatus::State::kRunning) << "a mark on a range that is there does not end it";
  ASSERT_TRUE(queue_->clear_dirty(kBills).ok());
  ASSERT_TRUE(queue_->mark_dirty({kBills, "told again", {5, 1}, false, ""}).ok());
  ASSERT_TRUE(queue_->mark_dirty({kGoods, "told", {5, 1}, false, ""}).ok());
  ASSERT_TRUE(job_->tend().ok());
  EXPECT_EQ(job_->view().state, FullSyncStatus::State::kDone);
}

TEST_F(FullSyncJobTest, AfterARestartWhatIsThereCounts) {
  start();
  ASSERT_TRUE(queue_->mark_dirty({kBills, "told", {5, 1}, false, ""}).ok());
  job_.reset();
  open();
  job_ = std::make_unique<FullSyncJob>(*queue_, clock_);
  ASSERT_TRUE(job_->load().ok());
  finish(kGoods);
  EXPECT_EQ(job_->view().state, FullSyncStatus::State::kRunning);
  finish(kBills);
  EXPECT_EQ(job_->view().state, FullSyncStatus::State::kDone);
}

TEST_F(FullSyncJobTest, CancellingLeavesGapsAlone) {
  ASSERT_TRUE(queue_->mark_dirty({kGoods, "position lost", {5, 1}, false, ""}).ok());
  start();
  const auto token = job_->cancelled();
  ASSERT_TRUE(job_->cancel().ok());
  EXPECT_TRUE(token.stop_requested());
  const auto left = queue_->dirty_ranges();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].ns, kGoods);
  EXPECT_EQ(left[0].reason, "position lost");
  EXPECT_EQ(job_->view().state, FullSyncStatus::State::kCancelled);
  const auto again = job_->cancel();
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().kind, ErrorKind::kNotFound);
}

TEST_F(FullSyncJobTest, AGapFoundMeanwhileIsNotCancelled) {
  start();
  ASSERT_TRUE(queue_->mark_dirty({kBills, "position lost", {5, 1}, false, ""}).ok());
  ASSERT_TRUE(job_->cancel().ok());
  const auto left = queue_->dirty_ranges();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].ns, kBills);
  EXPECT_FALSE(left[0].requested);
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 1})) << "it never goes back";
}

TEST_F(FullSyncJobTest, ProgressOfACancelledRangeDoesNotBringItBack) {
  start();
  DirtyRange range = queue_->dirty_ranges()[0];
  ASSERT_TRUE(job_->cancel().ok());
  range.progress = "some";
  ASSERT_TRUE(queue_->mark_dirty(range).ok());
  EXPECT_TRUE(queue_->dirty_ranges().empty());
}

TEST_F(FullSyncJobTest, KeepsWhatOnlyTheBackupHasUnlessAGapSaysOtherwise) {
  FullSyncRequest request;
  request.keep_extra = true;
  ASSERT_TRUE(job_->start(request, {part_of(kBills), part_of(kGoods)}).ok());
  ASSERT_TRUE(queue_->mark_dirty({kGoods, "position lost", {5, 1}, false, ""}).ok());
  open();
  for (const DirtyRange& range : queue_->dirty_ranges()) EXPECT_EQ(range.keep_extra, range.ns == kBills);
}

TEST_F(FullSyncJobTest, ARestartGoesOnWithIt) {
  start();
  finish(kBills);
  job_->began(kGoods);
  job_->advanced(kGoods, {40, 39, 3, 0});
  clock_.advance(std::chrono::seconds(2));
  const FullSyncStatus before = job_->view();
  EXPECT_DOUBLE_EQ(before.documents_per_second, 20.0);
  ASSERT_TRUE(before.eta_seconds);
  job_.reset();
  open();
  job_ = std::make_unique<FullSyncJob>(*queue_, clock_);
  ASSERT_TRUE(job_->load().ok());
  const FullSyncStatus after = job_->view();
  EXPECT_EQ(after.state, FullSyncStatus::State::kRunning);
  EXPECT_EQ(after.id, before.id);
  EXPECT_EQ(after.parts_done(), 1U);
  finish(kGoods);
  EXPECT_EQ(job_->view().state, FullSyncStatus::State::kDone);
}

}  // namespace
}  // namespace dualsync
