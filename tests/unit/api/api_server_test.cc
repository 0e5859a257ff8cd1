#include <thread>
#include <vector>

#include "unit/api/api_fixture.h"

namespace dualsync {
namespace {

using test::kToken;
using Json = nlohmann::json;

class ApiServerTest : public test::ApiFixture {};

TEST_F(ApiServerTest, AnswersMetricsAndStatus) {
  Status status;
  status.total_operations = 42;
  control_.set_status(status);
  const httplib::Result metrics = client().Get("/api/sync/metrics");
  ASSERT_TRUE(metrics);
  EXPECT_EQ(metrics->status, 200);
  EXPECT_EQ(metrics->get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(metrics->get_header_value("Cache-Control"), "no-store");
  EXPECT_EQ(Json::parse(metrics->body).at("totalOperations"), 42);
  const httplib::Result picture = client().Get("/api/sync/status");
  ASSERT_TRUE(picture);
  EXPECT_EQ(Json::parse(picture->body).at("metrics").at("totalOperations"), 42);
  const httplib::Result head = client().Head("/api/sync/status");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
  EXPECT_TRUE(head->body.empty());
}

TEST_F(ApiServerTest, AnswersHealthWithoutAToken) {
  httplib::Client stranger("127.0.0.1", port_);
  for (const auto& [verdict, http] :
       {std::pair{Verdict::kHealthy, 200}, {Verdict::kDegraded, 200}, {Verdict::kUnhealthy, 503}}) {
    Status status;
    status.verdict = verdict;
    control_.set_status(status);
    const httplib::Result health = stranger.Get("/api/sync/health");
    ASSERT_TRUE(health);
    EXPECT_EQ(health->status, http);
    EXPECT_EQ(Json::parse(health->body).at("status"), std::string(to_string(verdict)));
  }
}

TEST_F(ApiServerTest, RefusesAMissingOrWrongToken) {
  httplib::Client stranger("127.0.0.1", port_);
  for (const char* path : {"/api/sync/metrics", "/api/sync/status"}) {
    expect_problem(stranger.Get(path), 401, "token-required");
    const httplib::Result wrong = stranger.Get(path, {{"Authorization", "Bearer 0123456789abcdeX"}});
    expect_problem(wrong, 401, "token-required");
    EXPECT_TRUE(wrong->get_header_value("WWW-Authenticate").starts_with("Bearer"));
  }
  expect_problem(stranger.Post("/api/sync/wait"), 401, "token-required");
}

TEST_F(ApiServerTest, RefusesUnknownPathsAndMethods) {
  expect_problem(client().Get("/nothing"), 404, "not-found");
  expect_problem(client().Get("/api/sync/metrics/"), 404, "not-found");
  const httplib::Result wrong = client().Post("/api/sync/metrics", "{}", "application/json");
  expect_problem(wrong, 405, "method-not-allowed");
  EXPECT_EQ(wrong->get_header_value("Allow"), "GET, HEAD");
  const httplib::Result got = client().Get("/api/sync/wait");
  expect_problem(got, 405, "method-not-allowed");
  EXPECT_EQ(got->get_header_value("Allow"), "POST");
  expect_problem(client().Delete("/api/sync/status"), 405, "method-not-allowed");
  expect_problem(client().Options("/api/sync/status"), 405, "method-not-allowed");
}

TEST_F(ApiServerTest, RefusesMethodsThatNothingTakes) {
  for (const char* method : {"TRACE", "QUERY", "PATCH"}) {
    const std::string answer =
        raw(std::string(method) + " /api/sync/verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 ")) << answer;
    EXPECT_NE(answer.find("\r\nAllow: "), std::string::npos) << answer;
  }
}

TEST_F(ApiServerTest, RefusesForeignHostsAndPages) {
  expect_problem(client().Get("/api/sync/health", {{"Host", "evil.example"}}), 421, "wrong-host");
  expect_problem(client().Post("/api/sync/wait", {{"Origin", "http://evil.example"}}, "", "text/plain"), 403,
                 "cross-site");
  expect_problem(client().Post("/api/sync/wait", {{"Origin", "null"}}, "", "text/plain"), 403, "cross-site");
  const std::string own = "127.0.0.1:" + std::to_string(port_);
  const httplib::Result same =
      client().Post("/api/sync/wait?timeoutSeconds=0", {{"Origin", "http://" + own}}, "", "text/plain");
  ASSERT_TRUE(same);
  EXPECT_EQ(same->status, 504);
}

TEST_F(ApiServerTest, WaitTellsHowItEnded) {
  WaitOutcome outcome;
  outcome.kind = WaitOutcome::Kind::kDone;
  outcome.target = {100, 1};
  control_.set_outcome(outcome);
  httplib::Result done = client().Post("/api/sync/wait");
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, 200);
  EXPECT_EQ(Json::parse(done->body), Json::parse(R"({"done":true,"exceptions":0,"deadLetters":0,"heldDeletes":0,)"
                                                 R"("target":{"t":100,"i":1},"applied":null,"blockedBy":""})"));
  EXPECT_EQ(control_.last_timeout(), std::chrono::seconds(60));

  outcome.kind = WaitOutcome::Kind::kExceptions;
  outcome.dead_letters = 3;
  control_.set_outcome(outcome);
  done = client().Post("/api/sync/wait?timeoutSeconds=86400");
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, 200);
  EXPECT_EQ(Json::parse(done->body).at("exceptions"), 3);
  EXPECT_EQ(Json::parse(done->body).at("done"), true);
  EXPECT_EQ(control_.last_timeout(), std::chrono::hours(24));

  outcome.kind = WaitOutcome::Kind::kTimedOut;
  outcome.blocked_by = "the backup is offline";
  control_.set_outcome(outcome);
  const httplib::Result late = client().Post("/api/sync/wait?timeoutSeconds=2");
  expect_problem(late, 504, "wait-timed-out");
  const Json body = Json::parse(late->body);
  EXPECT_EQ(body.at("detail"), "not everything is on the backup after 2 s: the backup is offline");
  EXPECT_EQ(body.at("done"), false);
  EXPECT_EQ(body.at("blockedBy"), "the backup is offline");

  control_.set_outcome(Error{ErrorKind::kUnsupported, "the mirror is off", "SYNC_ENABLED=true", 0});
  expect_problem(client().Post("/api/sync/wait"), 409, "unsupported");
  control_.set_outcome(Error{ErrorKind::kStopped, "stopping", "", 0});
  expect_problem(client().Post("/api/sync/wait"), 503, "stopped");
}

TEST_F(ApiServerTest, WaitRefusesBadQueries) {
  for (const char* query :
       {"timeoutSeconds=", "timeoutSeconds=-1", "timeoutSeconds=86401", "timeoutSeconds=1.5", "timeoutSeconds=1s",
        "timeoutSeconds=99999999999999999999", "timeout=5", "timeoutSeconds=1&timeoutSeconds=2"}) {
    expect_problem(client().Post(std::string("/api/sync/wait?") + query), 400, "invalid-argument");
  }
}

TEST_F(ApiServerTest, WaitsNeverOccupyTheWholeServer) {
  control_.hold_waits(true);
  std::vector<std::jthread> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.emplace_back([this] {
      const httplib::Result result = client().Post("/api/sync/wait");
      EXPECT_TRUE(result);
    });
  }
  control_.until_waiting(8);
  const httplib::Result refused = client().Post("/api/sync/wait");
  expect_problem(refused, 429, "too-many-waits");
  EXPECT_EQ(refused->get_header_value("Retry-After"), "1");
  const httplib::Result metrics = client().Get("/api/sync/metrics");
  ASSERT_TRUE(metrics);
  EXPECT_EQ(metrics->status, 200);
  control_.hold_waits(false);
  waiting.clear();
  const httplib::Result again = client().Post("/api/sync/wait");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->status, 504);
}

TEST_F(ApiServerTest, AnswersAPostThatAnnouncesNoBodyAtOnce) {
  const std::string answer =
      raw(std::string("POST /api/sync/wait?timeoutSeconds=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ") +
          kToken + "\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 504")) << answer;
}

TEST_F(ApiServerTest, TakesNoSecondRequestFromABody) {
  const std::string inner =
      std::string("GET /api/sync/metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ") + kToken + "\r\n\r\n";
  const std::string answer =
      raw("POST /api/sync/wait HTTP/1.1\r\nHost: evil.example\r\nContent-Length: " + std::to_string(inner.size()) +
          "\r\n\r\n" + inner);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 421")) << answer;
  EXPECT_EQ(answer.find("totalOperations"), std::string::npos) << answer;
}

TEST_F(ApiServerTest, RefusesWhatIsTooLargeOrMalformed) {
  const httplib::Result large = client().Post("/api/sync/wait", std::string(1024 * 1024 + 1, 'x'), "text/plain");
  if (large)
    expect_problem(large, 413, "content-too-large");  // or the connection is cut before the client has sent all
  EXPECT_NE(raw("nonsense\r\n\r\n").find("application/problem+json"), std::string::npos);
  const httplib::Result alive = client().Get("/api/sync/metrics");
  ASSERT_TRUE(alive);
  EXPECT_EQ(alive->status, 200);
}

TEST_F(ApiServerTest, RefusesAPortThatIsTaken) {
  ApiServer second(control_, {"127.0.0.1", static_cast<std::uint16_t>(port_), kToken});
  const Result<int> port = second.start();
  ASSERT_FALSE(port.ok());
  EXPECT_EQ(port.error().kind, ErrorKind::kConflict);
  EXPECT_NE(port.error().message.find("another process uses this port"), std::string::npos);
  server_.stop();
  const Result<int> now = second.start();
  ASSERT_TRUE(now.ok()) << now.error().message;
  EXPECT_EQ(*now, port_);
}

TEST_F(ApiServerTest, StopsWithAnIdleConnectionOpen) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto start = std::chrono::steady_clock::now();
  server_.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  ::close(fd);
}

TEST(ApiServer, NamesAHostThatIsNotHere) {
  test::FakeControl control;
  ApiServer server(control, {"192.0.2.1", 0, kToken});
  const Result<int> port = server.start();
  ASSERT_FALSE(port.ok());
  EXPECT_EQ(port.error().kind, ErrorKind::kInvalidArgument);
  server.stop();
}

TEST(ApiServer, StartsAndStopsAtOnce) {
  test::FakeControl control;
  for (int round = 0; round < 20; ++round) {
    ApiServer server(control, {"localhost", 0, kToken});
    ASSERT_TRUE(server.start().ok());
    server.stop();
    server.stop();
  }
}

}  // namespace
}  // namespace dualsync
