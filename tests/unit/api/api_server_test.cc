#include "dualsync/api/api_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "support/fake_control.h"

namespace dualsync {
namespace {

using Json = nlohmann::json;

constexpr const char* kToken = "0123456789abcdef";

class ApiServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<int> port = server_.start();
    ASSERT_TRUE(port.ok()) << port.error().message;
    port_ = *port;
  }
  void TearDown() override { control_.hold_waits(false); }

  httplib::Client client() const {
    httplib::Client made("127.0.0.1", port_);
    made.set_bearer_token_auth(kToken);
    made.set_read_timeout(20);
    return made;
  }

  // Sends `text` as it stands and reads to the end.
  std::string raw(const std::string& text) const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    std::string answer;
    std::array<char, 4096> buffer{};
    for (ssize_t n = 0; (n = ::recv(fd, buffer.data(), buffer.size(), 0)) > 0;)
      answer.append(buffer.data(), static_cast<std::size_t>(n));
    ::close(fd);
    return answer;
  }

  static void expect_problem(const httplib::Result& result, int status, const std::string& code) {
    ASSERT_TRUE(result) << httplib::to_string(result.error());
    EXPECT_EQ(result->status, status);
    EXPECT_EQ(result->get_header_value("Content-Type"), "application/problem+json");
    const Json body = Json::parse(result->body);
    EXPECT_EQ(body.at("status"), status);
    EXPECT_EQ(body.at("code"), code);
    EXPECT_TRUE(body.contains("title"));
    EXPECT_TRUE(body.contains("detail"));
  }

  test::FakeControl control_;
  ApiServer server_{control_, {"127.0.0.1", 0, kToken}};
  int port_ = 0;
};

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
  expect_problem(client().Get("/"), 404, "not-found");
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
  EXPECT_EQ(Json::parse(done->body),
            Json::parse(R"({"done":true,"exceptions":0,"target":{"t":100,"i":1},"applied":null,"blockedBy":""})"));
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

TEST_F(ApiServerTest, ListsRetriesAndDiscardsDeadLetters) {
  DeadLetter letter;
  letter.seq = 7;
  letter.kind = OpKind::kReplace;
  letter.ns = {"shop", "bills"};
  letter.key_json = R"({"_id":{"$numberInt":"1"}})";
  letter.reason = "refused";
  letter.code = 121;
  letter.attempts = 6;
  letter.last_ms = 1000;
  control_.add_dead_letter(letter);
  const auto listed = client().Get("/api/sync/dead-letters?limit=5");
  ASSERT_TRUE(listed);
  EXPECT_EQ(Json::parse(listed->body)["deadLetters"],
            Json::parse(R"([{"id":7,"namespace":"shop.bills","documentKey":{"_id":{"$numberInt":"1"}},"type":"replace",
                             "reason":"refused","code":121,"attempts":6,"first":"1970-01-01T00:00:00.000Z",
                             "last":"1970-01-01T00:00:01.000Z"}])"));
  const auto retried = client().Post("/api/sync/dead-letters/7/retry");
  ASSERT_TRUE(retried);
  EXPECT_EQ(retried->status, 202);
  EXPECT_EQ(control_.retried(), std::vector<SeqNo>{7});
  EXPECT_EQ(client().Delete("/api/sync/dead-letters/7")->status, 200);
  expect_problem(client().Delete("/api/sync/dead-letters/7"), 404, "not-found");
  expect_problem(client().Delete("/api/sync/dead-letters/0"), 400, "invalid-argument");
  expect_problem(client().Post("/api/sync/dead-letters/7"), 405, "method-not-allowed");
  expect_problem(client().Post("/api/sync/dead-letters//retry"), 404, "not-found");
}

TEST_F(ApiServerTest, StartsShowsAndCancelsAFullSync) {
  auto client = this->client();
  const char* path = "/api/sync/full-sync";
  const auto none = client.Get(path);
  ASSERT_TRUE(none);
  EXPECT_EQ(Json::parse(none->body).at("state"), "none");
  EXPECT_EQ(Json::parse(none->body).at("etaSeconds"), nullptr);
  expect_problem(client.Delete(path), 404, "not-found");

  const auto started = client.Post(path, R"({"namespaces":["bills","shop.*"],"keepExtra":true})", "application/json");
  ASSERT_TRUE(started);
  EXPECT_EQ(started->status, 202);
  EXPECT_EQ(Json::parse(started->body).at("state"), "running");
  EXPECT_EQ(control_.full_sync_request().namespaces, (std::vector<std::string>{"bills", "shop.*"}));
  EXPECT_TRUE(control_.full_sync_request().keep_extra);
  expect_problem(client.Post(path), 409, "conflict");

  FullSyncStatus status = control_.full_sync();
  status.parts = {{{"shop", "bills"}, FullSyncPart::State::kRunning, 100, 40, 3, 1},
                  {{"shop", "goods"}, FullSyncPart::State::kDone, 10, 12, 0, 0}};
  status.documents_per_second = 20;
  status.eta_seconds = 3;
  control_.set_full_sync(status);
  const Json body = Json::parse(client.Get(path)->body);
  EXPECT_EQ(body.at("documentsTotal"), 112) << "an estimate is never below what was seen";
  EXPECT_EQ(body.at("documentsDone"), 52);
  EXPECT_EQ(body.at("namespacesDone"), 1);
  EXPECT_EQ(body.at("repairs"), 3);
  EXPECT_EQ(body.at("etaSeconds"), 3);
  EXPECT_EQ(body.at("namespaces").at(0).at("state"), "running");

  const auto cancelled = client.Delete(path);
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(Json::parse(cancelled->body).at("state"), "cancelled");
  EXPECT_EQ(client.Put(path, "", "text/plain")->get_header_value("Allow"), "GET, HEAD, POST, DELETE");
}

TEST_F(ApiServerTest, RefusesAFullSyncThatItDoesNotUnderstand) {
  auto client = this->client();
  for (const char* body : {"{", "[]", R"({"namespaces":"a"})", R"({"namespaces":[1]})", R"({"namespaces":[""]})",
                           R"({"keepExtra":1})", R"({"other":1})"}) {
    expect_problem(client.Post("/api/sync/full-sync", body, "application/json"), 400, "invalid-argument");
  }
  EXPECT_EQ(control_.full_sync().state, FullSyncStatus::State::kNone);
}

TEST_F(ApiServerTest, StartsAndShowsAComparison) {
  auto client = this->client();
  const char* path = "/api/sync/verify";
  expect_problem(httplib::Client("127.0.0.1", port_).Get(path), 401, "token-required");
  const auto none = client.Get(path);
  ASSERT_TRUE(none);
  EXPECT_EQ(Json::parse(none->body).at("state"), "idle");
  const auto started = client.Post(path, R"({"namespaces":["bills"],"repair":true})", "application/json");
  ASSERT_TRUE(started);
  EXPECT_EQ(started->status, 202);
  EXPECT_EQ(Json::parse(started->body).at("phase"), "comparing");
  EXPECT_EQ(control_.verify_order().namespaces, std::vector<std::string>{"bills"});
  EXPECT_TRUE(control_.verify_order().repair);
  expect_problem(client.Post(path), 409, "conflict");

  VerifyStatus status = control_.verify();
  status.state = VerifyStatus::State::kDone;
  status.parts = {{{"shop", "bills"}, VerifyPart::State::kDone, 10, 12, 2, 1, {"index 'a' is missing on the backup"}},
                  {{"shop", "goods"}, VerifyPart::State::kDone, 5, 5, 0, 0, {}}};
  status.differences = {{{"shop", "bills"}, {DifferenceKind::kMissing, "", R"({ "$numberInt" : "7" })", ""}}};
  control_.set_verify(status);
  const Json body = Json::parse(client.Get(path)->body);
  EXPECT_EQ(body.at("phase"), nullptr);
  EXPECT_EQ(body.at("equal"), false);
  EXPECT_EQ(body.at("documentsTotal"), 17);
  EXPECT_EQ(body.at("differenceCount"), 2);
  EXPECT_EQ(body.at("schemaDifferenceCount"), 1);
  EXPECT_EQ(body.at("unsettled"), 1);
  EXPECT_EQ(body.at("differences").size(), 1U);
  EXPECT_EQ(body.at("differences").at(0),
            (Json{{"namespace", "shop.bills"}, {"kind", "missing"}, {"id", {{"$numberInt", "7"}}}, {"path", ""}}));
  EXPECT_EQ(body.at("namespaces").at(1).at("equal"), true);
}

TEST_F(ApiServerTest, RefusesAComparisonThatItDoesNotUnderstand) {
  auto client = this->client();
  for (const char* body : {"{", "[]", R"({"namespaces":"a"})", R"({"namespaces":[1]})", R"({"namespaces":[""]})",
                           R"({"repair":1})", R"({"keepExtra":true})"}) {
    expect_problem(client.Post("/api/sync/verify", body, "application/json"), 400, "invalid-argument");
  }
  EXPECT_EQ(control_.verify().state, VerifyStatus::State::kIdle);
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
