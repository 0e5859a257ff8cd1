// What the queue gives up when it is over its bounds, and what never.
#include <gtest/gtest.h>

#include "dualsync/queue/queue_inspect.h"
#include "support/fake_clock.h"
#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_ddl;
using test::make_op;
using Step = OverflowPolicy::Step;

TEST(OverflowPolicy, WithoutBoundsNothingIsGivenUp) {
  OverflowPolicy policy({0, 0});
  EXPECT_FALSE(policy.bounded());
  EXPECT_EQ(policy.decide(1ULL << 40U, 0, true, SteadyTime()), Step::kNone);
}

TEST(OverflowPolicy, PayloadsGoFirstThenRangesUntilWellBelow) {
  OverflowPolicy policy({1000, 0});
  const SteadyTime now{std::chrono::hours(1)};
  EXPECT_EQ(policy.decide(1000, std::nullopt, true, now), Step::kNone);
  EXPECT_EQ(policy.decide(1001, std::nullopt, true, now), Step::kPayloads);
  EXPECT_EQ(policy.excess(1001), 101U);
  EXPECT_EQ(policy.decide(950, std::nullopt, true, now), Step::kPayloads);
  EXPECT_EQ(policy.decide(950, std::nullopt, false, now), Step::kRange);
  EXPECT_EQ(policy.decide(900, std::nullopt, false, now), Step::kNone);
  EXPECT_FALSE(policy.active());
  EXPECT_EQ(policy.decide(950, std::nullopt, true, now), Step::kNone);
}

TEST(OverflowPolicy, AFullDiskGivesTheStoreTimeToFreeItsSpace) {
  OverflowPolicy policy({0, 1000});
  SteadyTime now{std::chrono::hours(1)};
  EXPECT_EQ(policy.decide(500, 1000, true, now), Step::kNone);
  EXPECT_EQ(policy.decide(500, 999, true, now), Step::kPayloads);
  EXPECT_TRUE(policy.disk_low());
  policy.dropped(now);
  EXPECT_EQ(policy.decide(500, 999, false, now), Step::kNone);
  now += OverflowPolicy::kDiskPause;
  EXPECT_EQ(policy.decide(500, 999, false, now), Step::kRange);
  EXPECT_EQ(policy.decide(500, 1050, false, now), Step::kRange);
  EXPECT_EQ(policy.decide(500, 1100, false, now), Step::kNone);
  EXPECT_FALSE(policy.disk_low());
  EXPECT_EQ(policy.decide(500, std::nullopt, true, now), Step::kNone);
}

class QueueOverflow : public test::QueueFixture {
 protected:
  QueueOverflow() { options_.clock = &clock_; }

  Operation big(int id, OpTime time, const Namespace& ns = {"shop", "bills"}) {
    const std::string key = std::to_string(id);
    return make_op(OpKind::kInsert, key, test::bson("{\"_id\":" + key + ",\"t\":\"" + std::string(500, 'x') + "\"}"),
                   time, ns);
  }
  std::uint64_t problems() { return check_queue(options_.directory, {})->problem_count; }

  test::FakeClock clock_;
};

TEST_F(QueueOverflow, TheOldestLoseTheirPayloadAndBecomeTouches) {
  options_.bounds.bytes_max = 3000;
  options_.memory_operations = 2;  // most of it waits on disk
  open();
  for (int id = 1; id <= 6; ++id) append({big(id, {10, static_cast<std::uint32_t>(id)})});
  const QueueStats stats = queue_->stats();
  EXPECT_EQ(stats.operations, 6U);
  EXPECT_LE(stats.bytes, 3000U);
  EXPECT_GT(stats.payloads_dropped, 0U);
  EXPECT_EQ(stats.ranges_dropped, 0U);
  EXPECT_TRUE(queue_->dirty_ranges().empty());
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 0}));
  EXPECT_EQ(problems(), 0U);
  std::vector<OpKind> kinds;
  for (auto taken = take(); !taken.empty(); taken = take()) {
    for (const TakenOperation& one : taken) kinds.push_back(one.op.kind);
    complete(taken);
  }
  ASSERT_EQ(kinds.size(), 6U);
  EXPECT_EQ(kinds.front(), OpKind::kTouch);
  EXPECT_EQ(kinds.back(), OpKind::kInsert);
}

TEST_F(QueueOverflow, ThenTheLargestNamespaceBecomesADirtyRange) {
  options_.bounds.bytes_max = 700;
  open();
  append({make_op(OpKind::kDelete, "1", "", {9, 1}, {"shop", "small"})});
  for (int id = 1; id <= 12; ++id) append({big(id, {10, static_cast<std::uint32_t>(id)})});
  const auto ranges = queue_->dirty_ranges();
  ASSERT_EQ(ranges.size(), 1U);
  EXPECT_EQ(ranges[0].ns.full(), "shop.bills");
  EXPECT_EQ(ranges[0].gap_start, (OpTime{10, 0}));
  EXPECT_LE(queue_->stats().bytes, 700U);
  EXPECT_GT(queue_->stats().ranges_dropped, 0U);
  EXPECT_EQ(queue_->applied_position(), (OpTime{9, 0}));
  EXPECT_EQ(problems(), 0U);
  open();  // the same after a restart
  EXPECT_EQ(queue_->dirty_ranges()[0].gap_start, (OpTime{10, 0}));
  complete(take());
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 0}));
}

TEST_F(QueueOverflow, WhatIsInFlightAndDdlChangesAreNeverDropped) {
  options_.bounds.bytes_max = 1500;
  open();
  append({big(1, {10, 1})});
  const auto taken = take();
  ASSERT_EQ(taken.size(), 1U);
  append({make_ddl("drop", {"shop", "old"}, {10, 2}, R"(,"filler":")" + std::string(1500, 'x') + "\"")});
  append({big(2, {10, 3})});
  EXPECT_EQ(taken[0].op.kind, OpKind::kInsert);
  EXPECT_GT(taken[0].op.payload.size(), 500U);
  EXPECT_EQ(queue_->stats().operations, 2U);  // number 2 went with its namespace
  ASSERT_EQ(queue_->dirty_ranges().size(), 1U);
  complete(taken);
  const auto ddl = queue_->take_ddl(std::chrono::milliseconds(0), {});
  ASSERT_TRUE(ddl.ok() && ddl->has_value());
  EXPECT_EQ((*ddl)->event.ns.full(), "shop.old");
  EXPECT_EQ(queue_->dirty_ranges().front().gap_start, (OpTime{10, 2}));
}

TEST_F(QueueOverflow, ALowDiskDropsPayloadsAtOnceAndRangesOnlyLater) {
  std::uint64_t free = 10'000;
  options_.bounds.disk_reserve = 5'000;
  options_.free_bytes = [&] { return std::optional<std::uint64_t>(free); };
  open();
  append({big(1, {10, 1}), big(2, {10, 2})});
  EXPECT_EQ(queue_->stats().payloads_dropped, 0U);
  free = 4'000;
  append({big(3, {10, 3})});
  EXPECT_EQ(queue_->stats().payloads_dropped, 3U);
  EXPECT_TRUE(queue_->stats().disk_low);
  EXPECT_TRUE(queue_->dirty_ranges().empty());
  clock_.advance(OverflowPolicy::kDiskPause);
  append({}, {10, 4});
  EXPECT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_EQ(queue_->stats().operations, 0U);
  free = 6'000;
  append({}, {10, 5});
  EXPECT_FALSE(queue_->stats().disk_low);
  EXPECT_FALSE(queue_->stats().over_bounds);
}

TEST_F(QueueOverflow, AGapFoundWhileOneIsRepairedStays) {
  open();
  ASSERT_TRUE(queue_->mark_dirty({{"shop", "bills"}, "gap", {5, 1}, false, ""}).ok());
  DirtyRange working = queue_->dirty_ranges().front();
  working.progress = "halfway";
  ASSERT_TRUE(queue_->mark_dirty(working).ok());
  EXPECT_EQ(queue_->dirty_ranges().front().progress, "halfway");
  ASSERT_TRUE(queue_->mark_dirty({{"shop", "bills"}, "another gap", {7, 1}, false, ""}).ok());
  ASSERT_TRUE(queue_->mark_dirty(working).ok());
  EXPECT_EQ(queue_->dirty_ranges().front().progress, "");
  EXPECT_EQ(queue_->dirty_ranges().front().gap_start, (OpTime{5, 1}));
  ASSERT_TRUE(queue_->finish_dirty(working).ok());
  ASSERT_EQ(queue_->dirty_ranges().size(), 1U);
  ASSERT_TRUE(queue_->finish_dirty(queue_->dirty_ranges().front()).ok());
  EXPECT_TRUE(queue_->dirty_ranges().empty());
}

TEST_F(QueueOverflow, ADropDoesNotSettleWhatCameBehindIt) {
  options_.bounds.bytes_max = 600;
  open();
  append({make_ddl("drop", {"shop", "bills"}, {10, 1})});
  for (int id = 1; id <= 8; ++id) append({big(id, {10, static_cast<std::uint32_t>(id + 1)})});
  ASSERT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_TRUE(queue_->changes_first(queue_->dirty_ranges().front()));
  const auto ddl = queue_->take_ddl(std::chrono::milliseconds(0), {});
  ASSERT_TRUE(ddl.ok() && ddl->has_value());
  ASSERT_TRUE(queue_->complete_ddl((*ddl)->seq, {}, {{"shop", "bills"}}).ok());
  ASSERT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_FALSE(queue_->changes_first(queue_->dirty_ranges().front()));
  EXPECT_EQ(queue_->dirty_ranges().front().gap_start, (OpTime{10, 1}));
}

}  // namespace
}  // namespace dualsync
