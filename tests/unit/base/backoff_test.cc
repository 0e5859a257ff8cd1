#include "dualsync/base/backoff.h"

#include <gtest/gtest.h>

namespace dualsync {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, DelaysAre1_5_15_30_60SecondsAndStayThere) {
  EXPECT_EQ(Backoff::base_delay(1), milliseconds(1000));
  EXPECT_EQ(Backoff::base_delay(2), milliseconds(5000));
  EXPECT_EQ(Backoff::base_delay(3), milliseconds(15000));
  EXPECT_EQ(Backoff::base_delay(4), milliseconds(30000));
  EXPECT_EQ(Backoff::base_delay(5), milliseconds(60000));
  EXPECT_EQ(Backoff::base_delay(6), milliseconds(60000));
  EXPECT_EQ(Backoff::base_delay(1'000'000), milliseconds(60000));
}

TEST(Backoff, JitterStaysWithinTenPercentAndVaries) {
  Backoff backoff(42);
  bool varied = false;
  for (int i = 0; i < 200; ++i) {
    const auto delay = backoff.delay_for(2);
    EXPECT_GE(delay, milliseconds(4500));
    EXPECT_LE(delay, milliseconds(5500));
    varied = varied || delay != milliseconds(5000);
  }
  EXPECT_TRUE(varied);
}

TEST(Backoff, ResetStartsAgain) {
  Backoff backoff(1);
  backoff.next();
  backoff.next();
  EXPECT_EQ(backoff.attempts(), 2U);
  backoff.reset();
  EXPECT_LE(backoff.next(), milliseconds(1100));
}

}  // namespace
}  // namespace dualsync
