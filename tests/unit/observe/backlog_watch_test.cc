#include "dualsync/observe/backlog_watch.h"

#include <gtest/gtest.h>

namespace dualsync {
namespace {

// A look a second; `size` by the second.
template <typename Size>
std::chrono::seconds watched(int seconds, Size size) {
  BacklogWatch watch;
  for (int second = 1; second <= seconds; ++second) {
    watch.look(static_cast<std::uint64_t>(size(second)), SteadyTime(std::chrono::seconds(second)));
  }
  return watch.growing();
}

TEST(BacklogWatch, AQueueThatGrowsForTwoMinutesIsGrowing) {
  const auto rising = [](int second) { return 100 * second; };
  EXPECT_EQ(watched(100, rising).count(), 0);
  EXPECT_GE(watched(180, rising).count(), 120);
}

TEST(BacklogWatch, AFewOperationsAreNoBacklog) {
  EXPECT_EQ(watched(600, [](int second) { return second; }).count(), 0);
}

TEST(BacklogWatch, BurstsThatAreWorkedOffAreNone) {
  EXPECT_EQ(watched(600, [](int second) { return second % 15 * 1000; }).count(), 0);
}

TEST(BacklogWatch, ItEndsWhenTheQueueShrinks) {
  EXPECT_EQ(watched(600, [](int second) { return second < 300 ? 1000 * second : 600'000 - 1000 * second; }).count(), 0);
}

}  // namespace
}  // namespace dualsync
