#include <gtest/gtest.h>

#include "dualsync/api/json_views.h"
#include "dualsync/cli/render_status.h"
#include "dualsync/cli/render_verify.h"
#include "dualsync/cli/status_parse.h"

namespace dualsync {
namespace {

const Style kPlain(false);

Status sample() {
  Status status;
  status.enabled = true;
  status.verdict = Verdict::kDegraded;
  status.reasons = {{"breaker-open", "the backup does not answer\x1b[2J", "check the internet link"}};
  status.uptime_seconds = 60;
  status.rpo_seconds = 11'520.2;
  status.queue_size = 48'211;
  status.queue_bytes = 61ULL << 20U;
  status.breaker = BreakerState::kOpen;
  status.breaker_seconds = 11'520;
  status.breaker_cause = "no route to host";
  status.capture = CaptureState::kStreaming;
  status.capture_position = {1'795'372'200, 1};
  status.applied_position = {1'795'360'680, 4};
  status.dead_letters = 2;
  return status;
}

TEST(RenderStatus, StartsWithVerdictAndRpo) {
  const std::string text = render_status(sample(), kPlain);
  EXPECT_TRUE(text.starts_with("DEGRADED  RPO 3 h 12 min")) << text;
  EXPECT_NE(text.find("offline for 3 h 12 min, 48,211 documents, 61.0 MiB waiting: no route to host"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("dead letters   2  refused by the backup"), std::string::npos) << text;
  EXPECT_NE(text.find("every write up to 2026-11-22"), std::string::npos) << text;
  EXPECT_NE(text.find("hint: check the internet link"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(RenderStatus, SaysWhenTheMirrorIsOff) { EXPECT_TRUE(render_status(Status{}, kPlain).starts_with("OFF  ")); }

TEST(RenderStatus, ShowsTheFirstCopy) {
  Status status = sample();
  status.copy = {true, 10, 3, 100'000, 12'000, "shop.orders"};
  EXPECT_NE(render_status(status, kPlain)
                .find("3 of 10 collections, 12,000 of about 100,000 documents (12 %), now shop.orders"),
            std::string::npos);
}

TEST(RenderStatus, ColoursOnlyWhereAsked) {
  EXPECT_TRUE(render_status(sample(), Style(true)).starts_with("\x1b[1;33mDEGRADED\x1b[0m"));
}

TEST(StatusParse, ShowsWhatTheServerSaw) {
  Status status = sample();
  status.copy = {true, 10, 3, 100'000, 12'000, "shop.orders"};
  status.successful_syncs = 9;
  status.owed_indexes = 1;
  status.dirty_ranges = 4;
  status.verified_until = {1'795'000'000, 1};
  for (const CaptureState state : {CaptureState::kDisabled, CaptureState::kConnecting, CaptureState::kStreaming,
                                   CaptureState::kStandalone, CaptureState::kFailed}) {
    status.capture = state;
    const Result<Status> parsed = parse_status(status_json(status));
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    EXPECT_EQ(render_status(*parsed, kPlain), render_status(status, kPlain));
  }
}

TEST(StatusParse, ShowsTheCanaryAsTheServerSawIt) {
  using State = CanaryStatus::State;
  Status status = sample();
  for (const State state : {State::kOff, State::kRefused, State::kArrived, State::kWaiting, State::kMissing}) {
    status.canary = {state, "not authorised", std::nullopt, 0, 7, 0, 150};
    for (int arrivals = 0; arrivals < 2; ++arrivals) {
      const Result<Status> parsed = parse_status(status_json(status));
      ASSERT_TRUE(parsed.ok()) << parsed.error().message;
      EXPECT_EQ(render_status(*parsed, kPlain), render_status(status, kPlain));
      status.canary.last_arrival_ms = 1'795'372'200'000;
      status.canary.round_trip_ms = 41;
    }
  }
}

TEST(StatusParse, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(parse_status(nlohmann::ordered_json::object()).ok());
  nlohmann::ordered_json body = status_json(sample());
  body["status"] = "splendid";
  EXPECT_FALSE(parse_status(body).ok());
  body["status"] = 7;
  EXPECT_FALSE(parse_status(body).ok());
}

VerifyReport different() {
  VerifyReport report;
  report.verified_until = {1'795'372'200, 1};
  report.seconds = 2.4;
  NamespaceReport orders;
  orders.ns = {"shop", "orders"};
  orders.local_documents = 12'000;
  orders.backup_documents = 11'999;
  orders.difference_count = 3;
  orders.differences = {{DifferenceKind::kMissing, "", R"({"$oid":"65a000000000000000000001"})", ""},
                        {DifferenceKind::kContent, "", "not json", "items.0.price"}};
  orders.schema = {"index email_1 is missing on the backup"};
  NamespaceReport users;
  users.ns = {"shop", "users"};
  users.local_documents = users.backup_documents = 5;
  report.namespaces = {orders, users};
  return report;
}

TEST(RenderVerify, ListsDifferences) {
  EXPECT_EQ(render_verify(different(), kPlain),
            "collection           local         backup  differences\n"
            "shop.orders         12,000         11,999            4\n"
            "shop.users               5              5            0\n"
            "\nshop.orders\n"
            "  not on the backup   _id {\"$oid\":\"65a000000000000000000001\"}\n"
            "  different           _id not json  at items.0.price\n"
            "  and 1 more\n"
            "  schema              index email_1 is missing on the backup\n"
            "\nNOT EQUAL: 4 differences in 1 of 2 collections, compared in 2 s\n");
}

TEST(RenderVerify, ProvesEquality) {
  VerifyReport report = different();
  report.namespaces.erase(report.namespaces.begin());
  const std::string text = render_verify(report, kPlain);
  EXPECT_NE(text.find("EQUAL: 5 documents in 1 collection, proven byte for byte up to 2026-11-22 "), std::string::npos)
      << text;
}

TEST(RenderVerify, SaysWhyATimeSeriesDiffers) {
  constexpr std::string_view kWhy = "time series have no change stream";
  VerifyReport report = different();
  EXPECT_EQ(render_verify(report, kPlain).find(kWhy), std::string::npos);
  report.namespaces.front().time_series = true;
  EXPECT_NE(render_verify(report, kPlain).find(kWhy), std::string::npos);
  EXPECT_EQ(verify_json(report).at("namespaces").at(0).at("timeSeries"), true);
  report.namespaces.front().difference_count = 0;
  EXPECT_EQ(render_verify(report, kPlain).find(kWhy), std::string::npos);
}

TEST(RenderStatus, NamesWhatIsNotLive) {
  Status status;
  status.time_series = {{{"plant", "readings"}, 1'795'834'329'000, 43'200}, {{"plant", "new"}, std::nullopt, 0}};
  const std::string text = render_status(status, kPlain);
  EXPECT_NE(text.find("plant.readings, a time series: 43,200 measurements, mirrored at 2026-11-28 02:52:09 UTC"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("plant.new, a time series: not mirrored yet"), std::string::npos) << text;
}

TEST(RenderVerify, GivesJson) {
  const nlohmann::ordered_json body = verify_json(different());
  EXPECT_EQ(body.at("equal"), false);
  EXPECT_EQ(body.at("documents"), 12'005);
  EXPECT_EQ(body.at("verifiedUntil").at("t"), 1'795'372'200);
  const auto& first = body.at("namespaces").at(0);
  EXPECT_EQ(first.at("differences").at(0).at("id").at("$oid"), "65a000000000000000000001");
  EXPECT_EQ(first.at("differences").at(1).at("id"), "not json");
  EXPECT_EQ(first.at("differenceCount"), 3);
}

TEST(RenderProgress, GivesARate) {
  EXPECT_EQ(render_progress({true, 5, 2, 1000, 500, "a.b"}, 2),
            "2 of 5 collections, 500 of about 1,000 documents, 250/s, now a.b");
}

}  // namespace
}  // namespace dualsync
