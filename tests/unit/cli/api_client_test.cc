#include "dualsync/cli/api_client.h"

#include <gtest/gtest.h>

#include "dualsync/api/api_server.h"
#include "dualsync/api/api_token.h"
#include "support/fake_control.h"
#include "support/scratch_dir.h"

namespace dualsync {
namespace {

class ApiClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    settings_.data_dir = dir_.text();
    settings_.http_listen = {"127.0.0.1", 0};
    const Result<std::string> token = load_or_create_api_token(settings_);
    ASSERT_TRUE(token.ok());
    server_ = std::make_unique<ApiServer>(control_, ApiOptions{"127.0.0.1", 0, *token});
    const Result<int> port = server_->start();
    ASSERT_TRUE(port.ok());
    ASSERT_TRUE(write_api_address(dir_.text(), {"127.0.0.1", static_cast<std::uint16_t>(*port)}).ok());
  }

  test::ScratchDir dir_;
  test::FakeControl control_;
  Settings settings_;
  std::unique_ptr<ApiServer> server_;
};

TEST_F(ApiClientTest, FindsTheDaemonByItsDataDirectory) {
  const Result<ApiAnswer> answer = ApiClient(settings_).get("/api/sync/status");
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_TRUE(answer->body.contains("metrics"));
}

TEST_F(ApiClientTest, FindsTheDaemonByItsSettingWhereNoFileSaysMore) {
  settings_.http_listen = ApiClient(settings_).address();
  remove_api_address(dir_.text());
  EXPECT_TRUE(ApiClient(settings_).get("/api/sync/status").ok());
}

TEST_F(ApiClientTest, SaysThatNoDaemonAnswers) {
  server_->stop();
  const Result<ApiAnswer> answer = ApiClient(settings_).get("/api/sync/status");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().kind, ErrorKind::kConnectivity);
  EXPECT_NE(answer.error().hint.find("dualsync run"), std::string::npos);
  remove_api_address(dir_.text());  // and the setting names port 0
  EXPECT_FALSE(ApiClient(settings_).get("/api/sync/status").ok());
}

TEST_F(ApiClientTest, SaysThatTheTokenIsWrong) {
  settings_.api_token = "something else";
  const Result<ApiAnswer> answer = ApiClient(settings_).get("/api/sync/status");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().kind, ErrorKind::kDenied);
}

TEST_F(ApiClientTest, TurnsProblemsIntoErrors) {
  control_.set_outcome(Error{ErrorKind::kConnectivity, "local does not answer", "start MongoDB", 0});
  const Result<ApiAnswer> answer = ApiClient(settings_).post("/api/sync/wait", std::chrono::seconds(5));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(error_of_problem(*answer).kind, ErrorKind::kConnectivity);
  EXPECT_EQ(error_of_problem(*answer).message, "local does not answer");
  EXPECT_EQ(error_of_problem(*answer).hint, "start MongoDB");
}

}  // namespace
}  // namespace dualsync
