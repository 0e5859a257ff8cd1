#include "dualsync/observe/mirror_metrics.h"

#include <gtest/gtest.h>

namespace dualsync {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(MirrorMetrics, SaysWhatTheStatusSays) {
  Status status;
  status.enabled = true;
  status.verdict = Verdict::kDegraded;
  status.reasons = {
      {"breaker-open", "the backup is offline", ""}, {"dead-letters", "two", ""}, {"dead-letters", "", ""}};
  status.total_operations = 42;
  status.rpo_seconds = 1.5;
  status.breaker = BreakerState::kOpen;
  status.applied_position = {1'700'000'000, 3};
  status.lanes = {{5, 100, 1, 2}, {}};
  const std::string text = MirrorMetrics().text(status);
  for (const char* line :
       {"# TYPE dualsync_operations_captured_total counter", "dualsync_operations_captured_total 42",
        "dualsync_rpo_seconds 1.5", "dualsync_health{verdict=\"degraded\"} 1", "dualsync_health{verdict=\"healthy\"} 0",
        "dualsync_health_reason{code=\"breaker-open\"} 1", "dualsync_breaker{state=\"open\"} 1",
        "dualsync_breaker{state=\"closed\"} 0", "dualsync_applied_position_timestamp_seconds 1700000000",
        "dualsync_lane_operations_in_flight{lane=\"0\"} 5", "dualsync_paused 0", "dualsync_enabled 1"}) {
    EXPECT_TRUE(has_line(text, line)) << line << "\n" << text;
  }
  EXPECT_EQ(text.find("code=\"dead-letters\""), text.rfind("code=\"dead-letters\"")) << "a sample stands there once";
  EXPECT_EQ(text.find("\ndualsync_verified_until_timestamp_seconds "), std::string::npos)
      << "what is not known has no sample";
}

TEST(MirrorMetrics, CountsBatchesAndLags) {
  MirrorMetrics metrics;
  metrics.add_batch(0.003, {0.004, 0.005, 2, 10'000'000});
  metrics.add_batch(0.3, {});
  const std::string text = metrics.text({});
  for (const char* line :
       {"dualsync_batch_duration_seconds_count 2", "dualsync_batch_duration_seconds_bucket{le=\"0.005\"} 1",
        "dualsync_batch_duration_seconds_bucket{le=\"+Inf\"} 2", "dualsync_replication_lag_seconds_count 4",
        "dualsync_replication_lag_seconds_bucket{le=\"0.005\"} 2",
        "dualsync_replication_lag_seconds_bucket{le=\"2.5\"} 3",
        "dualsync_replication_lag_seconds_bucket{le=\"604800\"} 3",
        "dualsync_replication_lag_seconds_bucket{le=\"+Inf\"} 4"}) {
    EXPECT_TRUE(has_line(text, line)) << line << "\n" << text;
  }
}

}  // namespace
}  // namespace dualsync
