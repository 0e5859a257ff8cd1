// The route by which middleware reports what it saw.
#include <thread>
#include <vector>

#include "unit/api/api_fixture.h"

namespace dualsync {
namespace {

using Json = nlohmann::json;

constexpr const char* kPath = "/api/sync/operations";
constexpr const char* kOne = R"({"operations":[{"collection":"shop.bills","filter":{"_id":1}}]})";

class ApiOperationsTest : public test::ApiFixture {};

TEST_F(ApiOperationsTest, HandsOnWhatItUnderstood) {
  const auto answer = client().Post(
      kPath, R"({"operations":[{"collection":"shop.bills","filter":{"_id":1}}],"dirtyRanges":[{"collection":"shop"}]})",
      test::kJson);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 202);
  EXPECT_EQ(Json::parse(answer->body), Json::parse(R"({"accepted":1,"dirtyRanges":1,"ignored":0,"durable":true})"));
  ASSERT_EQ(control_.reported().documents.size(), 1U);
  EXPECT_EQ(control_.reported().documents[0].ns, (Namespace{"shop", "bills"}));
  EXPECT_EQ(control_.reported().ranges, (std::vector<Namespace>{{"shop", ""}}));
}

TEST_F(ApiOperationsTest, NamesTheBadOneAndHandsOnNone) {
  const auto answer = client().Post(
      kPath,
      R"({"operations":[{"collection":"shop.bills","filter":{"_id":1}},{"collection":"bills","filter":{"_id":2}}]})",
      test::kJson);
  expect_problem(answer, 400, "invalid-argument");
  EXPECT_NE(Json::parse(answer->body).at("detail").get<std::string>().find("operations[1]"), std::string::npos);
  EXPECT_TRUE(Json::parse(answer->body).contains("hint"));
  EXPECT_TRUE(control_.reported().documents.empty());
  expect_problem(client().Post(kPath), 400, "invalid-argument");
  expect_problem(client().Get(kPath), 405, "method-not-allowed");
}

TEST_F(ApiOperationsTest, SaysWhenToTryAgain) {
  for (const ErrorKind kind : {ErrorKind::kConnectivity, ErrorKind::kIo, ErrorKind::kStopped}) {
    control_.fail_reports(Error{kind, "not now", "", 0});
    const auto answer = client().Post(kPath, kOne, test::kJson);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->get_header_value("Retry-After"), "1");
  }
  control_.fail_reports(std::nullopt);
  EXPECT_EQ(client().Post(kPath, kOne, test::kJson)->status, 202);
}

TEST_F(ApiOperationsTest, IsBounded) {
  const auto large = client().Post(kPath, std::string((1U << 20U) + 1, ' '), test::kJson);
  ASSERT_TRUE(large);
  EXPECT_EQ(large->status, 413);
  const auto form = client().Post(kPath, std::string(20'000, ' '), "application/x-www-form-urlencoded");
  expect_problem(form, 413, "content-too-large");
  EXPECT_NE(Json::parse(form->body).at("hint").get<std::string>().find("application/json"), std::string::npos);
  control_.hold_waits(true);
  std::vector<std::jthread> others;
  for (int i = 0; i < 8; ++i)
    others.emplace_back([this] { EXPECT_EQ(client().Post(kPath, kOne, test::kJson)->status, 202); });
  control_.until_reporting(8);
  const auto refused = client().Post(kPath, kOne, test::kJson);
  expect_problem(refused, 429, "too-many-reports");
  EXPECT_EQ(refused->get_header_value("Retry-After"), "1");
  control_.hold_waits(false);
}

}  // namespace
}  // namespace dualsync
