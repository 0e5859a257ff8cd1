#include "dualsync/pipeline/cluster_clock.h"

#include <gtest/gtest.h>

namespace dualsync {
namespace {

constexpr std::uint32_t kStart = 1'700'000'000;
constexpr double kHour = 3600;

class ClusterClockTest : public ::testing::Test {
 protected:
  // A second later: the wall clock is `wrong` seconds off, and the newest write that capture has read is `age` old.
  void second(double wrong, std::uint32_t age) {
    ++elapsed_;
    clock_.look({kStart + elapsed_ - age, 1}, kStart + elapsed_ + wrong, now());
  }
  double error() const { return *clock_.seconds(now()) - (kStart + elapsed_); }
  BootTime now() const { return BootTime(std::chrono::seconds(100 + elapsed_)); }

  ClusterClock clock_;
  std::uint32_t elapsed_ = 0;
};

TEST_F(ClusterClockTest, KnowsNothingBeforeTheFirstLook) { EXPECT_FALSE(clock_.seconds(now()).has_value()); }

TEST_F(ClusterClockTest, BeginsWithTheWallClockAndGoesOnWithoutIt) {
  second(0, 30);
  elapsed_ += 500;  // nothing is written, nobody looks
  EXPECT_NEAR(error(), 0, 0.1);
}

TEST_F(ClusterClockTest, AWallClockThatIsSetChangesNothing) {
  second(0, 0);
  for (const double wrong : {2 * kHour, -3 * kHour, 40 * 24 * kHour, 0.0}) {
    for (int i = 0; i < 5; ++i) {
      second(wrong, static_cast<std::uint32_t>(i % 2));
      EXPECT_NEAR(error(), 0, 1.1) << wrong;
    }
  }
}

TEST_F(ClusterClockTest, AWallClockThatIsSetWhileNothingIsWrittenChangesNothing) {
  second(0, 0);
  for (std::uint32_t idle = 1; idle < 20; ++idle) second(-kHour, idle);
  EXPECT_NEAR(error(), 0, 0.1);
}

TEST_F(ClusterClockTest, ABeginWithAWrongWallClockIsPutRight) {
  second(kHour, 0);
  EXPECT_NEAR(error(), kHour, 0.1) << "nobody can know yet";
  second(0, 0);
  EXPECT_NEAR(error(), 0, 0.1);
}

TEST_F(ClusterClockTest, IsNeverBehindWhatLocalHasWritten) {
  second(-kHour, 10);
  EXPECT_NEAR(error(), -10, 0.1);
  second(-kHour, 0);
  EXPECT_NEAR(error(), 0, 0.1);
}

TEST_F(ClusterClockTest, WhileCaptureIsBehindItsTimesAreNotNow) {
  second(0, 7200);
  for (std::uint32_t age = 7100; age > 0; age -= 100) {
    second(0, age);
    EXPECT_NEAR(error(), 0, 0.1) << age;
  }
}

}  // namespace
}  // namespace dualsync
