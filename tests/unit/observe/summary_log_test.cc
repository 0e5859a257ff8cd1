#include "dualsync/observe/summary_log.h"

#include <gtest/gtest.h>

namespace dualsync {
namespace {

constexpr std::int64_t kMinute = 60'000;

Status with(std::uint64_t captured, std::uint64_t synced, std::uint64_t waiting = 0) {
  Status status;
  status.total_operations = captured;
  status.successful_syncs = synced;
  status.queue_size = waiting;
  return status;
}

TEST(SummaryLog, SaysOnceAMinuteWhatHappenedSince) {
  SummaryLog log;
  EXPECT_FALSE(log.look(with(100, 90), 0)) << "what was before the start is not of this minute";
  EXPECT_FALSE(log.look(with(150, 140), kMinute - 1));
  const auto first = log.look(with(160, 150, 10), kMinute);
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, (Summary{60, 60, 0, 0, 0, 10, 0}));
  EXPECT_FALSE(log.look(with(170, 170), kMinute + 1000));
  EXPECT_EQ(log.look(with(170, 170), 2 * kMinute), (Summary{10, 20, 0, 0, 0, 0, 0}));
}

TEST(SummaryLog, IsSilentWhileNothingHappens) {
  SummaryLog log;
  log.look(with(5, 5), 0);
  EXPECT_FALSE(log.look(with(5, 5), kMinute));
  EXPECT_TRUE(log.look(with(5, 5, 1), 2 * kMinute)) << "something waits";
}

TEST(SummaryLog, CountersThatStartAgainAndAClockSetBackDoNoHarm) {
  SummaryLog log;
  log.look(with(500, 500), 10 * kMinute);
  EXPECT_FALSE(log.look(with(3, 2), kMinute));
  const auto found = log.look(with(3, 2, 1), 2 * kMinute);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->captured, 0U);
}

}  // namespace
}  // namespace dualsync
