#include "dualsync/api/json_views.h"

#include <gtest/gtest.h>

#include "dualsync/api/problem.h"
#include "dualsync/json/value_json.h"

namespace dualsync {
namespace {

TEST(JsonViews, GiveMetricsInTheDocumentedOrder) {
  Status status;
  status.total_operations = 7;
  status.last_sync_ms = 0;
  status.capture_position = {1'795'000'000, 3};
  EXPECT_EQ(
      metrics_json(status).dump(),
      R"({"totalOperations":7,"successfulSyncs":0,"failedSyncs":0,"queueSize":0,"avgSyncTime":0.0,)"
      R"("lastSyncTimestamp":"1970-01-01T00:00:00.000Z","rpoSeconds":0.0,"queueBytes":0,"coalescedOperations":0,)"
      R"("conflicts":0,"deadLetters":0,"heldDeletes":0,"dirtyRanges":0,"breaker":"closed",)"
      R"("capturePosition":{"t":1795000000,"i":3},)"
      R"("appliedPosition":null,"verifiedUntil":null,"lastProvenRestore":null,"oplogWindowSeconds":null,"bytesSent":0,)"
      R"("bytesSavedByCoalescing":0,"owedIndexes":0,)"
      R"("queueOverflows":{"payloadsDropped":0,"rangesDropped":0},"gaps":0,"malformedEvents":0})");
}

TEST(JsonViews, GiveNullForWhatHasNotHappened) {
  EXPECT_TRUE(metrics_json(Status{}).at("lastSyncTimestamp").is_null());
  EXPECT_TRUE(op_time_json({}).is_null());
}

TEST(JsonViews, GiveHealthWithReasons) {
  Status status;
  status.verdict = Verdict::kDegraded;
  status.rpo_seconds = 1.5;
  status.reasons = {{"breaker-open", "cannot reach mongodb://u:hunter22@h/", "check the network"}};
  EXPECT_EQ(health_json(status).dump(),
            R"({"status":"degraded","reasons":[{"code":"breaker-open","message":)"
            R"("cannot reach mongodb://u:***@h/","hint":"check the network"}],"rpoSeconds":1.5})");
  EXPECT_EQ(health_http_status(Verdict::kHealthy), 200);
  EXPECT_EQ(health_http_status(Verdict::kDegraded), 200);
  EXPECT_EQ(health_http_status(Verdict::kUnhealthy), 503);
}

TEST(Problem, IsWhatRfc9457Asks) {
  const Problem problem = problem_of({ErrorKind::kPositionLost, "lost at mongodb://u:hunter22@h/", "wait", 286});
  EXPECT_EQ(to_json_text(problem),
            R"({"type":"about:blank","title":"Internal Server Error","status":500,"code":"position-lost",)"
            R"("detail":"lost at mongodb://u:***@h/","hint":"wait"})");
  EXPECT_EQ(problem_of({ErrorKind::kUnsupported, "", "", 0}).status, 409);
  EXPECT_EQ(problem_of({ErrorKind::kConnectivity, "", "", 0}).status, 503);
  EXPECT_EQ(problem_of({ErrorKind::kStopped, "", "", 0}).status, 503);
}

TEST(Problem, KeepsBytesThatAreNoText) {
  Problem problem;
  problem.detail = "\xff\xfe";
  EXPECT_NE(to_json_text(problem).find("\"detail\""), std::string::npos);
}

}  // namespace
}  // namespace dualsync
