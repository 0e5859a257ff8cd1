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
    hooks_.drill = [this](const DrillOrder& order, std::stop_token) {
      order_ = order;
      ++drills_;
      if (result_ && result_->sound() && order.namespaces.empty()) last_ = clock_.unix_ms();
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
  DrillOrder order_;
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

TEST_F(DrillScheduleTest, DrillsWhenAskedWhateverTheSchedule) {
  DrillReport report;
  report.whole = true;
  result_ = report;
  EXPECT_TRUE(schedule_->step({}));  // the scheduled one
  EXPECT_EQ(schedule_->view().state, DrillStatus::State::kProven);
  EXPECT_TRUE(schedule_->view().scheduled);
  obstacle_ = "the backup is offline";
  EXPECT_EQ(schedule_->start({}).error().kind, ErrorKind::kConflict);
  obstacle_.clear();
  const auto started = schedule_->start({{"bills"}, CompareLocal::kNever});
  ASSERT_TRUE(started.ok());
  EXPECT_EQ(started->state, DrillStatus::State::kRunning);
  EXPECT_EQ(started->id, 2U);
  EXPECT_EQ(schedule_->start({}).error().kind, ErrorKind::kConflict) << "one at a time";
  EXPECT_TRUE(schedule_->step({}));
  EXPECT_EQ(order_.namespaces, std::vector<std::string>{"bills"});
  EXPECT_EQ(order_.compare, CompareLocal::kNever);
  EXPECT_EQ(schedule_->view().state, DrillStatus::State::kProven);
  EXPECT_FALSE(schedule_->view().scheduled);
  EXPECT_NE(schedule_->view().finished_ms, 0);
  EXPECT_FALSE(schedule_->step({})) << "an order is carried out once";
}

TEST_F(DrillScheduleTest, AnotherIntervalCountsFromTheLastDrill) {
  EXPECT_TRUE(schedule_->step({}));
  clock_.advance(hours(2));
  EXPECT_FALSE(schedule_->step({}));
  schedule_->set_interval(hours(3));
  EXPECT_FALSE(schedule_->step({}));
  schedule_->set_interval(hours(2));
  EXPECT_TRUE(schedule_->step({}));
  schedule_->set_interval(hours(0));
  clock_.advance(hours(1000));
  EXPECT_FALSE(schedule_->step({}));
}

TEST_F(DrillScheduleTest, WithoutAnIntervalItDrillsOnRequestOnly) {
  DrillSchedule schedule(clock_, hours(0), hooks_);
  EXPECT_FALSE(schedule.step({}));
  ASSERT_TRUE(schedule.start({}).ok());
  EXPECT_TRUE(schedule.step({}));
  clock_.advance(hours(10'000));
  EXPECT_FALSE(schedule.step({}));
}

TEST_F(DrillScheduleTest, ASoundPartTakesNothingBackAndANameThatIsWrongIsNoFailure) {
  result_ = damaged();
  EXPECT_TRUE(schedule_->step({}));
  EXPECT_NE(schedule_->failure(), "");
  result_ = DrillReport{};  // of a part
  ASSERT_TRUE(schedule_->start({{"goods"}, CompareLocal::kAuto}).ok());
  EXPECT_TRUE(schedule_->step({}));
  EXPECT_EQ(schedule_->view().state, DrillStatus::State::kProven);
  const std::string failure = schedule_->failure();
  EXPECT_NE(failure, "");
  result_ = Error{ErrorKind::kInvalidArgument, "nothing on the backup answers to 'godos'", "", 0};
  ASSERT_TRUE(schedule_->start({{"godos"}, CompareLocal::kAuto}).ok());
  EXPECT_TRUE(schedule_->step({}));
  EXPECT_EQ(schedule_->view().state, DrillStatus::State::kFailed);
  EXPECT_EQ(schedule_->view().error, "nothing on the backup answers to 'godos'");
  EXPECT_EQ(schedule_->failure(), failure);
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
  EXPECT_NE(with([](Status* status) { status->repairs_due = 1; }), "");
  EXPECT_NE(with([](Status* status) { status->local = LocalTrust::kWrong; }), "");
  EXPECT_NE(with([](Status* status) { status->writer = WriterState::kLost; }), "");
  EXPECT_NE(with([](Status* status) { status->capture = CaptureState::kConnecting; }), "");
}

}  // namespace
}  // namespace dualsync
