// The routes by which somebody steers the mirror.
#include <vector>

#include "unit/api/api_fixture.h"

namespace dualsync {
namespace {

using test::kToken;
using Json = nlohmann::json;

class ApiSteerTest : public test::ApiFixture {};

TEST_F(ApiSteerTest, ListsRetriesAndDiscardsDeadLetters) {
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

TEST_F(ApiSteerTest, StartsShowsAndCancelsAFullSync) {
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

TEST_F(ApiSteerTest, RefusesAFullSyncThatItDoesNotUnderstand) {
  auto client = this->client();
  for (const char* body : {"{", "[]", R"({"namespaces":"a"})", R"({"namespaces":[1]})", R"({"namespaces":[""]})",
                           R"({"keepExtra":1})", R"({"other":1})"}) {
    expect_problem(client.Post("/api/sync/full-sync", body, "application/json"), 400, "invalid-argument");
  }
  EXPECT_EQ(control_.full_sync().state, FullSyncStatus::State::kNone);
}

TEST_F(ApiSteerTest, StartsAndShowsAComparison) {
  auto client = this->client();
  const char* path = "/api/sync/verify";
  expect_problem(httplib::Client("127.0.0.1", port_).Get(path), 401, "token-required");
  const auto none = client.Get(path);
  ASSERT_TRUE(none);
  EXPECT_EQ(Json::parse(none->body).at("state"), "idle");
  const auto started = client.Post(path, R"({"namespaces":["bills"],"repair":true,"quick":true})", "application/json");
  ASSERT_TRUE(started);
  EXPECT_EQ(started->status, 202);
  EXPECT_EQ(Json::parse(started->body).at("phase"), "comparing");
  EXPECT_EQ(control_.verify_order().namespaces, std::vector<std::string>{"bills"});
  EXPECT_TRUE(control_.verify_order().repair);
  EXPECT_TRUE(control_.verify_order().quick);
  expect_problem(client.Post(path), 409, "conflict");

  VerifyStatus status = control_.verify();
  status.state = VerifyStatus::State::kDone;
  status.parts = {{{"shop", "bills"}, VerifyPart::State::kDone, 10, 12, 2, 1, {"index 'a' is missing on the backup"}},
                  {{"shop", "goods"}, VerifyPart::State::kDone, 5, 5, 0, 0, {}}};
  status.differences = {{{"shop", "bills"}, {DifferenceKind::kMissing, "", R"({ "$numberInt" : "7" })", ""}}};
  status.parts[1].by_digest = 4;
  control_.set_verify(status);
  const Json body = Json::parse(client.Get(path)->body);
  EXPECT_EQ(body.at("phase"), nullptr);
  EXPECT_EQ(body.at("byDigest"), 4);
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

TEST_F(ApiSteerTest, RefusesAComparisonThatItDoesNotUnderstand) {
  auto client = this->client();
  for (const char* body : {"{", "[]", R"({"namespaces":"a"})", R"({"namespaces":[1]})", R"({"namespaces":[""]})",
                           R"({"repair":1})", R"({"quick":"yes"})", R"({"keepExtra":true})"}) {
    expect_problem(client.Post("/api/sync/verify", body, "application/json"), 400, "invalid-argument");
  }
  EXPECT_EQ(control_.verify().state, VerifyStatus::State::kIdle);
}

TEST_F(ApiSteerTest, StartsAndShowsADrill) {
  httplib::Client client = this->client();
  const char* path = "/api/sync/drill";
  expect_problem(httplib::Client("127.0.0.1", port_).Post(path), 401, "token-required");
  EXPECT_EQ(Json::parse(client.Get(path)->body).at("state"), "none");
  const auto started = client.Post(path, R"({"namespaces":["bills"],"compareLocal":"never"})", "application/json");
  ASSERT_TRUE(started);
  EXPECT_EQ(started->status, 202);
  EXPECT_EQ(control_.drill_order().namespaces, std::vector<std::string>{"bills"});
  EXPECT_EQ(control_.drill_order().compare, CompareLocal::kNever);
  expect_problem(client.Post(path), 409, "conflict");
  DrillStatus status = control_.drill();
  EXPECT_EQ(Json::parse(client.Get(path)->body).at("report"), nullptr);
  status.state = DrillStatus::State::kNotProven;
  status.report = DrillReport{};
  status.report->namespaces.push_back({{"shop", "bills"}, "collection", 5, 1, {"index 'a' is missing"}, 0, {}, 0});
  control_.set_drill(status);
  const Json body = Json::parse(client.Get(path)->body);
  EXPECT_EQ(body.at("state"), "not-proven");
  EXPECT_EQ(body.at("report").at("proven"), false);
  EXPECT_EQ(body.at("report").at("namespaces").at(0).at("problems"), Json::array({"index 'a' is missing"}));
  for (const char* bad : {R"({"compareLocal":"perhaps"})", R"({"compareLocal":true})", R"({"to":"mongodb://x"})", "[]"})
    expect_problem(client.Post(path, bad, "application/json"), 400, "invalid-argument");
  EXPECT_EQ(control_.drill().id, 1U);
}

TEST_F(ApiSteerTest, PausesAndResumes) {
  httplib::Client client = this->client();
  expect_problem(httplib::Client("127.0.0.1", port_).Post("/api/sync/pause"), 401, "token-required");
  expect_problem(client.Get("/api/sync/pause"), 405, "method-not-allowed");
  expect_problem(client.Post("/api/sync/pause", R"({"for":"ever"})", "application/json"), 400, "invalid-argument");
  EXPECT_FALSE(control_.status().paused_since_ms);
  for (int i = 0; i < 2; ++i) {  // asking again is no error
    const auto paused = client.Post("/api/sync/pause");
    ASSERT_TRUE(paused);
    EXPECT_EQ(paused->status, 200);
    EXPECT_EQ(Json::parse(paused->body).at("paused"), true);
    EXPECT_EQ(Json::parse(paused->body).at("since"), "2023-11-14T22:13:20.000Z");
  }
  EXPECT_EQ(Json::parse(client.Get("/api/sync/status")->body).at("paused"), true);
  const auto resumed = client.Post("/api/sync/resume", "{}", "application/json");
  ASSERT_TRUE(resumed);
  EXPECT_EQ(Json::parse(resumed->body).at("paused"), false);
  EXPECT_FALSE(control_.status().paused_since_ms);
}

TEST_F(ApiSteerTest, ListsTheQueueWithoutContent) {
  QueueListing listing;
  listing.total = 12;
  for (SeqNo seq = 1; seq <= 3; ++seq) {
    ListedOperation op;
    op.seq = seq;
    op.kind = OpKind::kReplace;
    op.ns = {"shop", "bills"};
    op.time = {1'700'000'000, 1};
    listing.operations.push_back(op);
  }
  control_.set_listing(listing);
  httplib::Client client = this->client();
  const Json body = Json::parse(client.Get("/api/sync/queue?limit=2")->body);
  EXPECT_EQ(body.at("total"), 12);
  ASSERT_EQ(body.at("operations").size(), 2U);
  EXPECT_EQ(body.at("operations").at(0).at("sequence"), 1);
  EXPECT_EQ(body.at("operations").at(0).at("type"), "replace");
  EXPECT_EQ(body.at("operations").at(0).at("documentKey"), nullptr);
  EXPECT_EQ(Json::parse(client.Get("/api/sync/queue")->body).at("operations").size(), 3U);
  for (const char* bad : {"?limit=-1", "?limit=1001", "?limit=", "?limit=1&limit=2", "?from=1"})
    expect_problem(client.Get(std::string("/api/sync/queue") + bad), 400, "invalid-argument");
}

}  // namespace
}  // namespace dualsync
