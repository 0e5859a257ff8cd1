#include "dualsync/observe/alert.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace dualsync {
namespace {

std::vector<std::string> events(const std::vector<Alert>& alerts) {
  std::vector<std::string> names;
  for (const Alert& alert : alerts) names.push_back(alert.event);
  return names;
}

TEST(Alert, NothingNewIsNoNews) {
  Status status;
  status.dead_letters = 5;
  status.conflicts = 7;
  EXPECT_TRUE(news(&status, status).empty());
  EXPECT_TRUE(news(nullptr, status).empty()) << "what was there at the start is no news";
}

TEST(Alert, EachChangeIsNewsOnce) {
  const Status before;
  Status now;
  now.verdict = Verdict::kDegraded;
  now.reasons = {{"dead-letters", "two refused", ""}};
  now.dead_letters = 2;
  now.payloads_dropped = 3;
  now.ranges_dropped = 1;
  now.gaps = 1;
  now.conflicts = 1;
  const auto alerts = news(&before, now);
  EXPECT_EQ(events(alerts), (std::vector<std::string>{"verdict", "dead-letters", "overflow", "gap", "conflict"}));
  EXPECT_EQ(alerts[0].message, "the mirror is degraded: two refused");
  EXPECT_EQ(alerts[0].previous, Verdict::kHealthy);
  EXPECT_EQ(alerts[1].count, 2U);
  EXPECT_EQ(alerts[2].count, 4U);
  EXPECT_EQ(events(news(&now, before)), (std::vector<std::string>{"verdict"}))
      << "what went away is none of the others";
}

TEST(Alert, JsonHasItAllAndNoPassword) {
  Status now;
  now.verdict = Verdict::kUnhealthy;
  now.reasons = {{"failed", "mongodb://u:secret@h/ is gone", "look"}};
  now.rpo_seconds = 2.5;
  const auto alerts = news(nullptr, now);
  ASSERT_EQ(alerts.size(), 1U);
  const std::string text = alert_json(alerts[0], now, "shop1", 1'700'000'000'000, 3);
  EXPECT_EQ(text.find("secret"), std::string::npos);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto body = nlohmann::json::parse(text);
  EXPECT_EQ(body.at("event"), "verdict");
  EXPECT_EQ(body.at("status"), "unhealthy");
  EXPECT_EQ(body.at("previous"), "healthy");
  EXPECT_EQ(body.at("host"), "shop1");
  EXPECT_EQ(body.at("time"), "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(body.at("reasons").at(0).at("code"), "failed");
  EXPECT_EQ(body.at("lostAlerts"), 3);
}

}  // namespace
}  // namespace dualsync
