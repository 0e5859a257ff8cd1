#include "dualsync/pipeline/canary.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/fake_clock.h"

namespace dualsync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = CanaryStatus::State;

class CanaryTest : public ::testing::Test {
 protected:
  CanaryTest() {
    hooks_.confirm = [this] { return right_; };
    hooks_.write = [this](std::int64_t count) -> Result<OpTime> {
      if (refusal_) return *refusal_;
      written_ = count;
      ++writes_;
      return OpTime{100, static_cast<std::uint32_t>(writes_)};
    };
    hooks_.applied = [this] { return applied_; };
    hooks_.acknowledged = [this] { return acknowledged_; };
    hooks_.read = [this] {
      ++reads_;
      return there_;
    };
  }
  Canary& canary(seconds interval = seconds(30)) {
    canary_ = std::make_unique<Canary>(clock_, interval, hooks_);
    return *canary_;
  }
  void pass() {
    applied_ = {200, 0};
    there_ = std::optional<std::int64_t>(written_);
  }

  test::FakeClock clock_;
  CanaryHooks hooks_;
  Result<void> right_;
  std::optional<Error> refusal_;
  std::int64_t written_ = 0;
  int writes_ = 0;
  int reads_ = 0;
  OpTime applied_;
  std::uint64_t acknowledged_ = 0;
  Result<std::optional<std::int64_t>> there_ = std::optional<std::int64_t>();
  std::unique_ptr<Canary> canary_;
};

TEST_F(CanaryTest, ArrivesOnlyWhenTheBackupHasIt) {
  auto& canary = this->canary();
  EXPECT_TRUE(canary.step());
  EXPECT_EQ(canary.view().state, State::kWaiting);
  clock_.advance(seconds(1));
  canary.step();
  EXPECT_EQ(canary.view().state, State::kWaiting);
  EXPECT_EQ(reads_, 0) << "the backup is not asked before it can have it";
  pass();
  canary.step();
  EXPECT_EQ(canary.view().state, State::kArrived);
  EXPECT_EQ(canary.view().round_trip_ms, 1000);
  EXPECT_EQ(canary.view().last_arrival_ms, clock_.unix_ms());
}

TEST_F(CanaryTest, TheNextOneIsWrittenAnIntervalLaterAndNeverBeforeTheLastOneCame) {
  auto& canary = this->canary();
  canary.step();
  clock_.advance(seconds(300));
  for (int i = 0; i < 5; ++i) canary.step();
  EXPECT_EQ(writes_, 1);
  pass();
  canary.step();
  canary.step();
  EXPECT_EQ(writes_, 2) << "its time has long come";
  pass();
  canary.step();
  clock_.advance(seconds(29));
  canary.step();
  EXPECT_EQ(writes_, 2);
  clock_.advance(seconds(1));
  canary.step();
  EXPECT_EQ(writes_, 3);
}

TEST_F(CanaryTest, AcknowledgedButNotThereIsSaidUntilTheNextOneArrives) {
  auto& canary = this->canary();
  canary.step();
  applied_ = {200, 0};
  canary.step();
  EXPECT_EQ(canary.view().state, State::kMissing);
  EXPECT_FALSE(canary.view().last_arrival_ms);
  clock_.advance(seconds(30));
  canary.step();
  there_ = std::optional<std::int64_t>(written_ - 1);
  canary.step();
  EXPECT_EQ(canary.view().state, State::kMissing) << "an older one is not this one";
  clock_.advance(seconds(30));
  canary.step();
  pass();
  canary.step();
  EXPECT_EQ(canary.view().state, State::kArrived);
}

TEST_F(CanaryTest, ABackupThatDoesNotAnswerIsAskedAgainNotTooOften) {
  auto& canary = this->canary();
  canary.step();
  applied_ = {200, 0};
  there_ = Error{ErrorKind::kConnectivity, "away", "", 0};
  for (int i = 0; i < 20; ++i) {
    canary.step();
    clock_.advance(milliseconds(50));
  }
  EXPECT_EQ(canary.view().state, State::kWaiting);
  EXPECT_EQ(reads_, 1);
  pass();
  clock_.advance(seconds(1));
  canary.step();
  EXPECT_EQ(canary.view().state, State::kArrived);
}

TEST_F(CanaryTest, WhereTheStreamDoesNotCarryItThePositionIsEnough) {
  hooks_.read = nullptr;
  auto& canary = this->canary();
  canary.step();
  canary.step();
  EXPECT_EQ(canary.view().state, State::kWaiting);
  applied_ = {100, 1};
  canary.step();
  EXPECT_EQ(canary.view().state, State::kArrived);
}

TEST_F(CanaryTest, NothingIsWrittenToAnotherLocal) {
  right_ = Error{ErrorKind::kConflict, "not ours", "", 0};
  auto& canary = this->canary();
  EXPECT_TRUE(canary.step());
  EXPECT_EQ(writes_, 0);
  right_ = {};
  clock_.advance(seconds(30));
  canary.step();
  EXPECT_EQ(writes_, 1);
}

TEST_F(CanaryTest, WithoutRightsItEndsAndSaysWhy) {
  refusal_ = Error{ErrorKind::kDenied, "not authorised on dualsync", "", 13};
  auto& canary = this->canary();
  EXPECT_FALSE(canary.step());
  EXPECT_EQ(canary.view().state, State::kRefused);
  EXPECT_EQ(canary.view().cause, "not authorised on dualsync");
}

TEST_F(CanaryTest, ALocalThatIsAwayIsTriedAgain) {
  refusal_ = Error{ErrorKind::kConnectivity, "refused", "", 0};
  auto& canary = this->canary();
  EXPECT_TRUE(canary.step());
  EXPECT_EQ(canary.view().state, State::kArrived) << "none was sent yet";
  refusal_.reset();
  clock_.advance(seconds(30));
  canary.step();
  EXPECT_EQ(canary.view().state, State::kWaiting);
}

TEST_F(CanaryTest, CountsHowLongNothingWasAcknowledged) {
  auto& canary = this->canary();
  canary.step();
  clock_.advance(seconds(100));
  acknowledged_ = 7;
  canary.step();
  clock_.advance(seconds(20));
  canary.step();
  EXPECT_EQ(canary.view().waiting_seconds, 120);
  EXPECT_EQ(canary.view().idle_seconds, 20);
}

TEST_F(CanaryTest, LateIsTwoIntervalsAndLongerThanRefusedOperationsAreTriedAgain) {
  EXPECT_EQ(canary(seconds(1)).view().late_seconds, 150);
  EXPECT_EQ(canary(seconds(600)).view().late_seconds, 1200);
}

TEST_F(CanaryTest, AnIntervalOfZeroIsOff) {
  auto& canary = this->canary(seconds(0));
  canary.run({});
  EXPECT_EQ(writes_, 0);
  EXPECT_EQ(canary.view().state, State::kOff);
}

}  // namespace
}  // namespace dualsync
