#include "dualsync/pipeline/rate_limiter.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <thread>

#include "support/fake_clock.h"

namespace dualsync {
namespace {

using std::chrono::milliseconds;

TEST(RateLimiter, WithoutLimitsNobodyWaits) {
  test::FakeClock clock;
  RateLimiter limiter(clock, 0, 0);
  limiter.spend(1'000'000, 1'000'000'000);
  EXPECT_EQ(limiter.delay().count(), 0);
  EXPECT_EQ(limiter.operations_max(10'000), 10'000U);
  EXPECT_EQ(limiter.bytes_max(1U << 20U), 1U << 20U);
}

TEST(RateLimiter, WhatIsOverdrawnIsWaitedFor) {
  test::FakeClock clock;
  RateLimiter limiter(clock, 100, 0);
  limiter.spend(100, 5);
  EXPECT_EQ(limiter.delay().count(), 0);
  limiter.spend(50, 5);
  EXPECT_EQ(limiter.delay(), milliseconds(500));
  clock.advance(milliseconds(498));
  EXPECT_GT(limiter.delay().count(), 0);
  clock.advance(milliseconds(3));
  EXPECT_EQ(limiter.delay().count(), 0);
}

TEST(RateLimiter, OneLargeDocumentGetsThroughAndIsPaidFor) {
  test::FakeClock clock;
  RateLimiter limiter(clock, 0, 1000);
  limiter.spend(1, 16'000);
  EXPECT_EQ(limiter.delay(), milliseconds(15'000));
  EXPECT_EQ(limiter.bytes_max(1U << 20U), 1000U);
}

TEST(RateLimiter, OtherLimitsCountAtOnceAndForgetWhatWasOverdrawn) {
  test::FakeClock clock;
  RateLimiter limiter(clock, 1, 0);
  limiter.spend(1000, 0);
  EXPECT_GT(limiter.delay(), milliseconds(900'000));
  limiter.set_limits(0, 500);
  EXPECT_EQ(limiter.delay().count(), 0);
  EXPECT_EQ(limiter.operations_max(10'000), 10'000U);
  EXPECT_EQ(limiter.bytes_max(10'000), 500U);
  limiter.spend(1000, 1000);
  EXPECT_EQ(limiter.delay(), milliseconds(1000));
  clock.advance(milliseconds(1001));
  EXPECT_EQ(limiter.delay().count(), 0);
}

TEST(RateLimiter, WhoWaitsSeesOtherLimits) {
  test::FakeClock clock;  // stands still: only the new limit can end it
  RateLimiter limiter(clock, 1, 0);
  limiter.spend(1000, 0);
  std::jthread waiting([&limiter](const std::stop_token& stop) { limiter.wait(stop); });
  limiter.set_limits(0, 0);
  waiting.join();
}

TEST(RateLimiter, StopEndsTheWait) {
  test::FakeClock clock;  // stands still: only the stop can end it
  RateLimiter limiter(clock, 1, 0);
  limiter.spend(1000, 0);
  std::stop_source stop;
  stop.request_stop();
  limiter.wait(stop.get_token());
}

TEST(RateLimiter, NeverLetsThroughMoreThanTheLimitPlusOneSecondsWorth) {
  const bool held = rc::check("rate over any run", [] {
    const auto limit = *rc::gen::inRange<std::uint64_t>(1, 5000);
    test::FakeClock clock;
    RateLimiter limiter(clock, limit, 0);
    std::uint64_t sent = 0;
    const SteadyTime begin = clock.now();
    for (const int step : *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 400))) {
      clock.advance(milliseconds(step));
      if (limiter.delay().count() > 0) continue;
      const std::size_t batch = limiter.operations_max(static_cast<std::size_t>(step) * 10);
      limiter.spend(batch, 0);
      sent += batch;
      const double elapsed = std::chrono::duration<double>(clock.now() - begin).count();
      RC_ASSERT(static_cast<double>(sent) <= static_cast<double>(limit) * (elapsed + 2) + 1);
    }
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace dualsync
