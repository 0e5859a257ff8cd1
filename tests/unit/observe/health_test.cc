#include "dualsync/observe/health.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dualsync {
namespace {

Status streaming() {
  Status status;
  status.enabled = true;
  status.capture = CaptureState::kStreaming;
  status.applied_position = {10, 1};
  return status;
}

bool has(const Status& status, const std::string& code) {
  return std::any_of(status.reasons.begin(), status.reasons.end(),
                     [&](const Reason& reason) { return reason.code == code; });
}

TEST(Health, AStreamThatAnswersIsHealthy) {
  Status status = streaming();
  derive_health({}, &status);
  EXPECT_EQ(status.verdict, Verdict::kHealthy);
  EXPECT_TRUE(status.reasons.empty());
}

TEST(Health, ALowDiskAnOverflowAndAFallbackAreNamed) {
  Status status = streaming();
  status.over_bounds = true;
  status.data_dir_trouble = "cannot use /srv/data";
  derive_health({}, &status);
  EXPECT_EQ(status.verdict, Verdict::kDegraded);
  EXPECT_TRUE(has(status, "queue-overflow"));
  EXPECT_TRUE(has(status, "data-dir-fallback"));
  status.disk_low = true;
  derive_health({}, &status);
  EXPECT_TRUE(has(status, "disk-low"));
}

TEST(Health, AFailedDrillIsNamedWithWhatToDo) {
  Status status = streaming();
  HealthInput input;
  input.drill_failure = "shop.bills: index 'values' is missing";
  derive_health(input, &status);
  EXPECT_EQ(status.verdict, Verdict::kDegraded);
  ASSERT_TRUE(has(status, "drill-failed"));
  EXPECT_NE(status.reasons.front().message.find("shop.bills"), std::string::npos);
  EXPECT_NE(status.reasons.front().hint.find("dualsync drill"), std::string::npos);
}

TEST(Health, KnownDifferencesAreNamedWithWhatToDo) {
  Status status = streaming();
  HealthInput input;
  input.verify_findings = "shop.bills: 2 documents";
  derive_health(input, &status);
  EXPECT_EQ(status.verdict, Verdict::kDegraded);
  ASSERT_TRUE(has(status, "verify-differences"));
  EXPECT_NE(status.reasons.front().message.find("shop.bills: 2 documents"), std::string::npos);
  EXPECT_NE(status.reasons.front().hint.find("SYNC_VERIFY_INTERVAL"), std::string::npos);
}

TEST(Health, SilenceIsNotHealth) {
  Status status = streaming();
  HealthInput input;
  input.capture_silent_seconds = 31;
  derive_health(input, &status);
  EXPECT_EQ(status.verdict, Verdict::kUnhealthy);
  EXPECT_TRUE(has(status, "capture-stuck"));
}

TEST(Health, AWrongLocalIsUnhealthyAndTheWaysOnAreNamed) {
  Status status = streaming();
  status.capture = CaptureState::kConnecting;
  status.local = LocalTrust::kWrong;
  status.local_cause = "local is another one";
  derive_health({}, &status);
  EXPECT_EQ(status.verdict, Verdict::kUnhealthy);
  ASSERT_TRUE(has(status, "wrong-local"));
  EXPECT_FALSE(has(status, "local-unreachable")) << "it answers, it is only not the right one";
  EXPECT_NE(status.reasons[0].hint.find("adopt-local"), std::string::npos);
}

TEST(Health, TheLeaseOfAnotherIsSaid) {
  Status status = streaming();
  status.writer = WriterState::kWatching;
  derive_health({}, &status);
  EXPECT_EQ(status.verdict, Verdict::kDegraded);
  EXPECT_TRUE(has(status, "lease-watched"));
  status.writer = WriterState::kLost;
  derive_health({}, &status);
  EXPECT_EQ(status.verdict, Verdict::kUnhealthy);
  EXPECT_TRUE(has(status, "lease-lost"));
}

TEST(Health, AnOpenBreakerIsANormalStateThatIsExplained) {
  Status status = streaming();
  status.breaker = BreakerState::kOpen;
  status.breaker_seconds = 3 * 3600 + 12 * 60;
  status.queue_size = 48211;
  status.queue_bytes = 61U << 20U;
  status.breaker_cause = "connection refused";
  derive_health({}, &status);
  EXPECT_EQ(status.verdict, Verdict::kDegraded);
  ASSERT_TRUE(has(status, "breaker-open"));
  EXPECT_NE(status.reasons[0].message.find("3 h 12 min, 48,211 documents, 61.0 MiB"), std::string::npos)
      << status.reasons[0].message;
}

TEST(Health, EveryExceptionIsNamed) {
  Status status = streaming();
  status.dead_letters = 1;
  status.dirty_ranges = 2;
  status.owed_indexes = 3;
  derive_health({}, &status);
  EXPECT_EQ(status.verdict, Verdict::kDegraded);
  EXPECT_TRUE(has(status, "dead-letters") && has(status, "dirty-ranges") && has(status, "owed-indexes"));
  for (const Reason& reason : status.reasons) EXPECT_FALSE(reason.hint.empty()) << reason.code;
}

TEST(Health, ARepairThatIsRefusedIsNamedWithItsCause) {
  Status status = streaming();
  status.dirty_ranges = 3;
  status.refused_repairs = {{{"shop", "bills"}, "not authorized"}, {{"shop", "goods"}, "no"}};
  derive_health({}, &status);
  ASSERT_TRUE(has(status, "repair-refused"));
  const auto said = std::find_if(status.reasons.begin(), status.reasons.end(),
                                 [](const Reason& reason) { return reason.code == "repair-refused"; });
  EXPECT_EQ(said->message, "shop.bills and 1 more cannot be copied or repaired: not authorized");
}

TEST(Health, AQueueThatKeepsGrowingIsSaidUnlessItIsExplained) {
  Status status = streaming();
  HealthInput input;
  input.growing_seconds = 180;
  derive_health(input, &status);
  EXPECT_EQ(status.verdict, Verdict::kDegraded);
  EXPECT_EQ(status.reasons.at(0).code, "backlog-growing");
  status.breaker = BreakerState::kOpen;
  derive_health(input, &status);
  EXPECT_EQ(status.reasons.at(0).code, "breaker-open");
  EXPECT_EQ(status.reasons.size(), 1U);
}

TEST(Health, AnOplogThatCaptureMayFallOutOfIsSaidAlsoWhileItReads) {
  Status status = streaming();
  status.oplog_window_seconds = 3600;
  status.capture_position = {1'000'000, 1};
  HealthInput input;
  input.now_ms = 1'000'000'000 + 1800'000;
  derive_health(input, &status);
  EXPECT_EQ(status.verdict, Verdict::kHealthy);
  input.now_ms += 2000;
  derive_health(input, &status);
  EXPECT_EQ(status.reasons.at(0).code, "oplog-window");
}

TEST(Health, OwedIndexesAreNamedWithTheReason) {
  Status status = streaming();
  for (const char* name : {"a", "b", "c", "d"}) status.owed.push_back({{"shop", "bills"}, name, "error 67"});
  status.owed_indexes = status.owed.size();
  derive_health({}, &status);
  ASSERT_EQ(status.reasons.size(), 1U);
  EXPECT_EQ(status.reasons[0].message,
            "4 indexes could not be built on the backup yet: a of shop.bills (error 67); b of shop.bills (error 67); "
            "c of shop.bills (error 67); and 1 more");
}

TEST(Health, ABrokenQueueIsUnhealthyWhateverElse) {
  Status status = streaming();
  HealthInput input;
  input.queue_trouble = "No space left on device";
  status.capture = CaptureState::kConnecting;
  status.capture_cause = "No space left on device";
  status.oplog_window_seconds = 7200;
  derive_health(input, &status);
  EXPECT_EQ(status.verdict, Verdict::kUnhealthy);
  ASSERT_TRUE(has(status, "queue-broken"));
  EXPECT_FALSE(has(status, "local-unreachable")) << "local is not to blame";
  EXPECT_NE(status.reasons[0].message.find("2 h"), std::string::npos) << status.reasons[0].message;
}

TEST(Health, SwitchedOffAndStandaloneAreDegradedWithTheWayOut) {
  Status off;
  off.capture = CaptureState::kDisabled;
  derive_health({}, &off);
  EXPECT_TRUE(has(off, "disabled"));
  Status standalone = streaming();
  standalone.capture = CaptureState::kStandalone;
  derive_health({}, &standalone);
  ASSERT_TRUE(has(standalone, "standalone"));
  EXPECT_NE(standalone.reasons[0].hint.find("rs.initiate"), std::string::npos);
}

Status with_canary(std::int64_t waiting, std::int64_t idle) {
  Status status = streaming();
  status.canary.state = CanaryStatus::State::kWaiting;
  status.canary.late_seconds = 150;
  status.canary.waiting_seconds = waiting;
  status.canary.idle_seconds = idle;
  return status;
}

TEST(Health, ACanaryIsLateOnlyAfterItsTime) {
  Status status = with_canary(150, 150);
  derive_health({}, &status);
  EXPECT_EQ(status.verdict, Verdict::kHealthy);
  status = with_canary(151, 10);
  derive_health({}, &status);
  EXPECT_EQ(status.verdict, Verdict::kDegraded);
  EXPECT_TRUE(has(status, "canary-late"));
}

TEST(Health, WithoutAnyAcknowledgementTheMirrorIsStuck) {
  Status status = with_canary(200, 200);
  status.dead_letters = 1;  // another trouble must not hide it
  derive_health({}, &status);
  EXPECT_EQ(status.verdict, Verdict::kUnhealthy);
  EXPECT_TRUE(has(status, "stuck"));
}

TEST(Health, WhatHoldsTheCanaryUpIsNamedInstead) {
  const auto verdict_with = [](auto change) {
    Status status = with_canary(1000, 1000);
    change(&status);
    derive_health({}, &status);
    return std::pair(status.reasons.size(), has(status, "stuck"));
  };
  const std::pair named{std::size_t{1}, false};
  EXPECT_EQ(verdict_with([](Status* status) { status->breaker = BreakerState::kOpen; }), named);
  EXPECT_EQ(verdict_with([](Status* status) { status->paused_since_ms = 1; }), named);
  EXPECT_EQ(verdict_with([](Status* status) { status->local = LocalTrust::kWrong; }), named);
  EXPECT_EQ(verdict_with([](Status* status) { status->writer = WriterState::kWatching; }), named);
  EXPECT_EQ(verdict_with([](Status* status) { status->capture = CaptureState::kConnecting; }), named);
  EXPECT_EQ(verdict_with([](Status* status) { status->dirty_ranges = 1; }), named);
}

TEST(Health, ACanaryThatIsGoneFromTheBackupIsNamed) {
  Status status = streaming();
  status.canary.state = CanaryStatus::State::kMissing;
  derive_health({}, &status);
  EXPECT_EQ(status.verdict, Verdict::kDegraded);
  EXPECT_TRUE(has(status, "canary-missing"));
}

}  // namespace
}  // namespace dualsync
