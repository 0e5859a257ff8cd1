// Events, the dashboard's files, the contract.
#include <algorithm>
#include <atomic>
#include <functional>
#include <regex>
#include <set>
#include <thread>
#include <vector>

#include "unit/api/api_fixture.h"

namespace dualsync {
namespace {

using test::kToken;
using Json = nlohmann::json;

class ApiWebTest : public test::ApiFixture {};

TEST_F(ApiWebTest, TheContractNamesEveryRouteAndNoOther) {
  const auto served = client().Get("/api/openapi.json");
  ASSERT_TRUE(served);
  EXPECT_EQ(served->status, 200);
  const Json contract = Json::parse(served->body);
  EXPECT_EQ(contract.at("openapi"), "3.1.0");
  std::set<std::string> named;
  for (const auto& [path, operations] : contract.at("paths").items()) {
    for (const auto& [method, operation] : operations.items()) {
      std::string upper = method;
      std::transform(upper.begin(), upper.end(), upper.begin(),
                     [](char c) { return static_cast<char>(std::toupper(c)); });
      named.insert(upper + " " + path);
      EXPECT_TRUE(operation.contains("summary")) << path;
    }
  }
  std::set<std::string> routes;
  for (const auto& [method, path] : ApiServer::routes()) {
    if (!path.starts_with("/assets") && path != "/") routes.insert(std::string(method) + " " + std::string(path));
  }
  EXPECT_EQ(named, routes);
}

// Reads a stream of events until `enough` says so.
std::string events(int port, const std::function<bool(const std::string&)>& enough) {
  httplib::Client client("127.0.0.1", port);
  client.set_bearer_token_auth(kToken);
  client.set_read_timeout(20);
  std::string text;
  client.Get("/api/sync/events", [&](const char* data, std::size_t size) {
    text.append(data, size);
    return !enough(text);
  });
  return text;
}

std::size_t occurrences(const std::string& text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

TEST_F(ApiWebTest, SendsASampleASecondAndEveryChangeOfTheVerdict) {
  expect_problem(httplib::Client("127.0.0.1", port_).Get("/api/sync/events"), 401, "token-required");
  Status status;
  status.total_operations = 42;
  status.lanes.push_back({7, 100, 3, 12});
  control_.set_status(status);
  bool changed = false;
  const std::string text = events(port_, [&](const std::string& so_far) {
    if (!changed && occurrences(so_far, "event: sample") == 2) {
      status.verdict = Verdict::kDegraded;
      status.reasons.push_back({"dead-letters", "one", ""});
      control_.set_status(status);
      changed = true;
    }
    return occurrences(so_far, "event: verdict") == 2 && so_far.ends_with("\n\n");
  });
  EXPECT_TRUE(text.starts_with("retry: 2000\n\nid: 1\nevent: verdict\n")) << text;
  EXPECT_GE(occurrences(text, "event: sample"), 2U);
  const std::size_t data = text.find("data: ", text.find("event: sample")) + 6;
  const Json sample = Json::parse(text.substr(data, text.find('\n', data) - data));
  EXPECT_EQ(sample.at("status").at("metrics").at("totalOperations"), 42);
  EXPECT_EQ(sample.at("status").at("lanes").at(0),
            (Json{{"inFlight", 7}, {"batchSize", 100}, {"batches", 3}, {"lastBatchMs", 12}}));
  EXPECT_EQ(sample.at("fullSync").at("state"), "none");
  EXPECT_EQ(sample.at("verify").at("state"), "idle");
  EXPECT_EQ(sample.at("drill").at("state"), "none");
  const std::size_t verdict = text.rfind("event: verdict");
  EXPECT_NE(text.find("\"degraded\"", verdict), std::string::npos) << text;
}

TEST_F(ApiWebTest, StopsWhileClientsWatchAndAnswersOthersMeanwhile) {
  constexpr int kWatchers = 64;
  std::vector<std::jthread> watchers;
  std::atomic<int> seen{0};
  for (int i = 0; i < kWatchers; ++i) {
    watchers.emplace_back([&] {
      bool first = true;
      events(port_, [&](const std::string&) {
        if (std::exchange(first, false)) ++seen;
        return false;
      });
    });
  }
  while (seen < kWatchers) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  expect_problem(client().Get("/api/sync/events"), 429, "too-many-watchers");
  const auto health = client().Get("/api/sync/health");
  ASSERT_TRUE(health);
  EXPECT_EQ(health->status, 200);
  server_.stop();
  for (std::jthread& one : watchers) one.join();
}

TEST_F(ApiWebTest, ServesTheDashboardWithoutAToken) {
  httplib::Client client("127.0.0.1", port_);
  const auto page = client.Get("/");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200);
  EXPECT_EQ(page->get_header_value("Content-Type"), "text/html; charset=utf-8");
  EXPECT_NE(page->get_header_value("Content-Security-Policy").find("default-src 'none'"), std::string::npos);
  // Every file that the page and its scripts name is there, and nothing comes from elsewhere.
  const std::regex link(R"re((?:src|href|from)[= ]"([^"#][^"]*)")re");
  std::vector<std::string> pages{page->body};
  std::set<std::string> paths;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const std::string text = pages[i];
    for (std::sregex_iterator it(text.begin(), text.end(), link), end; it != end; ++it) {
      const std::string path = (*it)[1];
      if (!paths.insert(path).second) continue;
      EXPECT_TRUE(path.starts_with("/assets/")) << path;
      const auto asset = client.Get(path);
      ASSERT_TRUE(asset);
      EXPECT_EQ(asset->status, 200) << path;
      EXPECT_FALSE(asset->body.empty());
      if (path.ends_with(".js") && path.find("chart.min") == std::string::npos) pages.push_back(asset->body);
    }
  }
  EXPECT_GE(paths.size(), 7U);
  expect_problem(client.Get("/assets/secrets"), 404, "not-found");
  expect_problem(client.Get("/assets/../api-token"), 404, "not-found");
  expect_problem(client.Post("/"), 405, "method-not-allowed");
}

}  // namespace
}  // namespace dualsync
