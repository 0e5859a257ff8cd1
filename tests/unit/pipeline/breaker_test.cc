#include "dualsync/pipeline/breaker.h"

#include <gtest/gtest.h>

#include "dualsync/base/log.h"
#include "support/fake_clock.h"

namespace dualsync {
namespace {

using Permit = CircuitBreaker::Permit;

class BreakerTest : public ::testing::Test {
 protected:
  BreakerTest() { log::configure(log::Level::kOff, log::Format::kJson); }
  test::FakeClock clock_;
  CircuitBreaker breaker_{clock_, 1};
  std::stop_source stop_;
};

TEST_F(BreakerTest, OpensAfterFiveFailuresInARow) {
  for (int i = 0; i < 4; ++i) breaker_.failure("refused");
  EXPECT_TRUE(breaker_.closed());
  breaker_.success();
  for (int i = 0; i < 4; ++i) breaker_.failure("refused");
  EXPECT_TRUE(breaker_.closed()) << "a success starts the count again";
  breaker_.failure("refused");
  EXPECT_FALSE(breaker_.closed());
  EXPECT_EQ(breaker_.view().state, BreakerState::kOpen);
  EXPECT_EQ(breaker_.view().cause, "refused");
}

TEST_F(BreakerTest, OneProbeAtATimeThenClosedOrLongerOpen) {
  for (int i = 0; i < 5; ++i) breaker_.failure("refused");
  clock_.advance(std::chrono::seconds(2));
  EXPECT_EQ(breaker_.acquire(stop_.get_token()), Permit::kProbe);
  EXPECT_EQ(breaker_.view().state, BreakerState::kHalfOpen);
  breaker_.failure("still refused");
  EXPECT_EQ(breaker_.view().state, BreakerState::kOpen);
  clock_.advance(std::chrono::seconds(6));
  EXPECT_EQ(breaker_.acquire(stop_.get_token()), Permit::kProbe);
  breaker_.success();
  EXPECT_EQ(breaker_.acquire(stop_.get_token()), Permit::kGo);
  EXPECT_EQ(breaker_.view().seconds, 0);
}

TEST_F(BreakerTest, QuotaAndRightsOpenItAtOnce) {
  breaker_.failure("over quota", true);
  EXPECT_FALSE(breaker_.closed());
}

TEST_F(BreakerTest, AWaitEndsWhenStopped) {
  for (int i = 0; i < 5; ++i) breaker_.failure("refused");
  stop_.request_stop();
  EXPECT_EQ(breaker_.acquire(stop_.get_token()), Permit::kStop);
}

}  // namespace
}  // namespace dualsync
