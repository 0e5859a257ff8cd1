#include "dualsync/pipeline/drill_schedule.h"

#include <gtest/gtest.h>

#include "support/fake_clock.h"

namespace dualsync {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class DrillScheduleTest : public ::testing::Test {
 protected:
  DrillScheduleTest() {
    hooks_.obstacle = [this] { return obstacle_; };
    hooks_.last_success_ms = [this] { return last_; };
    hooks_.drill = [this](std::stop_token) {
      ++drills_;
      if (result_ && result_->sound()) last_ = clock_.unix_ms();
      return result_;
    };
    schedule_ = std::make_unique<DrillSchedule>(clock_, hours(24), hooks_);
  }
  static DrillReport damaged() {
    DrillReport report;
    report.namespaces.push_back({{"shop", "bills"}, "collection", 5, 1, {"index 'values' is missing"}, 7, {}, 0});
    return report;
  }

  test::FakeClock clock_;
  DrillHooks hooks_;
  std::string obstacle_;
  std::optional<std::int64_t> last_;
  Result<DrillReport> result_ = DrillReport{};
  int drills_ = 0;
  std::unique_ptr<DrillSchedule> schedule_;
};

TEST_F(DrillScheduleTest, AtOnceIfThereNeverWasOneThenAfterTheInterval) {
  EXPECT_TRUE(schedule_->step({}));
  EXPECT_FALSE(schedule_->step({}));
  clock_.advance(hours(24) - minutes(1));
  EXPECT_FALSE(schedule_->step({}));
  clock_.advance(minutes(1));
  EXPECT_TRUE(schedule_->step({}));
  EXPECT_EQ(drills_, 2);
  EXPECT_EQ(schedule_->failure(), "");
}

TEST_F(DrillScheduleTest, ASuccessOfTheCommandOrBeforeARestartCounts) {
  last_ = clock_.unix_ms() - std::chrono::milliseconds(hours(23)).count();
  EXPECT_FALSE(schedule_->step({}));
  clock_.advance(minutes(30));
  last_ = clock_.unix_ms();
  clock_.advance(hours(23));
  EXPECT_FALSE(schedule_->step({}));
  clock_.advance(hours(1));
  EXPECT_TRUE(schedule_->step({}));
  // One of the future does not put it off for ever.
  clock_.advance(hours(24));
  last_ = clock_.unix_ms() + std::chrono::milliseconds(hours(1000)).count();
  EXPECT_TRUE(schedule_->step({}));
}

TEST_F(DrillScheduleTest, WaitsWhileSomethingStandsInTheWay) {
  obstacle_ = "the backup is offline";
  EXPECT_FALSE(schedule_->step({}));
  obstacle_.clear();
  EXPECT_TRUE(schedule_->step({}));
}

TEST_F(DrillScheduleTest, AFailureStaysUntilTheNextSuccess) {
  result_ = damaged();
  EXPECT_TRUE(schedule_->step({}));
  EXPECT_EQ(schedule_->failure(), "shop.bills: index 'values' is missing, 7 documents differ from local");
  EXPECT_FALSE(schedule_->step({})) << "a failure is not tried again at once";
  result_ = Error{ErrorKind::kRefused, "not enough room on the target", "", 0};
  clock_.advance(hours(24));
  EXPECT_TRUE(schedule_->step({}));
  EXPECT_EQ(schedule_->failure(), "not enough room on the target");
  // Somebody repairs it and drills by hand.
  clock_.advance(minutes(1));
  last_ = clock_.unix_ms();
  EXPECT_FALSE(schedule_->step({}));
  EXPECT_EQ(schedule_->failure(), "");
}

TEST_F(DrillScheduleTest, WhatCouldNotBeTriedIsNoFailureAndTriedAgainSoon) {
  for (const ErrorKind kind : {ErrorKind::kConnectivity, ErrorKind::kConflict, ErrorKind::kStopped}) {
    result_ = Error{kind, "not now", "", 0};
    EXPECT_TRUE(schedule_->step({}));
    EXPECT_EQ(schedule_->failure(), "");
    EXPECT_FALSE(schedule_->step({}));
    clock_.advance(minutes(1));
  }
}

TEST(DrillObstacle, IsWhatMakesADrillUselessOrHarmful) {
  Status sound;
  sound.capture = CaptureState::kStreaming;
  sound.writer = WriterState::kOwner;
  sound.applied_position = {10, 1};
  EXPECT_EQ(drill_obstacle(sound), "");
  const auto with = [&](const std::function<void(Status*)>& change) {
    Status status = sound;
    change(&status);
    return drill_obstacle(status);
  };
  EXPECT_NE(with([](Status* status) { status->applied_position = {}; }), "");
  EXPECT_NE(with([](Status* status) { status->breaker = BreakerState::kOpen; }), "");
  EXPECT_NE(with([](Status* status) { status->dirty_ranges = 1; }), "");
  EXPECT_NE(with([](Status* status) { status->local = LocalTrust::kWrong; }), "");
  EXPECT_NE(with([](Status* status) { status->writer = WriterState::kLost; }), "");
  EXPECT_NE(with([](Status* status) { status->capture = CaptureState::kConnecting; }), "");
}

}  // namespace
}  // namespace dualsync
