#include "dualsync/config/config_load.h"

#include <gtest/gtest.h>

#include "support/scratch_dir.h"

namespace dualsync {
namespace {

using namespace std::chrono_literals;

class ConfigLoad : public ::testing::Test {
 protected:
  Result<Settings> load() {
    return load_settings(
        flags_,
        [this](const std::string& name) -> std::optional<std::string> {
          const auto found = environment_.find(name);
          return found == environment_.end() ? std::nullopt : std::optional<std::string>(found->second);
        },
        dir_.path() / ".env");
  }
  std::string failure() {
    const Result<Settings> settings = load();
    return settings.ok() ? "no failure" : settings.error().message + " / " + settings.error().hint;
  }

  FlagValues flags_;
  std::map<std::string, std::string> environment_;
  test::ScratchDir dir_;
};

TEST_F(ConfigLoad, GivesTheDocumentedDefaults) {
  const Result<Settings> settings = load();
  ASSERT_TRUE(settings.ok()) << settings.error().message;
  EXPECT_FALSE(settings->enabled);
  EXPECT_EQ(settings->local_uri, "mongodb://localhost:27017/bomba");
  EXPECT_TRUE(settings->atlas_uri.empty());
  EXPECT_EQ(settings->queue_max_size, 10000U);
  EXPECT_EQ(settings->worker_interval, 100ms);
  EXPECT_EQ(settings->max_retries, 5U);
  EXPECT_TRUE(settings->persist_queue);
  EXPECT_EQ(settings->batch_size, 100U);
  EXPECT_EQ(settings->batch_max, 10000U);
  EXPECT_EQ(settings->lanes, 4U);
  EXPECT_EQ(settings->data_dir, "./data");
  EXPECT_EQ(settings->http_listen.to_string(), "127.0.0.1:8787");
  EXPECT_EQ(settings->on_drop, OnDrop::kArchive);
  EXPECT_EQ(settings->shutdown_timeout, 10s);
  EXPECT_EQ(settings->connect_timeout, 10s);
  EXPECT_EQ(settings->copy_threads, 2U);
  EXPECT_FALSE(settings->allow_insecure_backup);
  EXPECT_EQ(settings->log_level, log::Level::kInfo);
  EXPECT_EQ(settings->log_format, log::Format::kJson);
  EXPECT_TRUE(settings->warnings.empty());
}

TEST_F(ConfigLoad, PrefersFlagThenEnvironmentThenFileThenDefault) {
  dir_.write(".env", "SYNC_LANES=5\nSYNC_LANES=6\nSYNC_COPY_THREADS=6\nSYNC_MAX_RETRIES=6\n");
  environment_ = {{"SYNC_LANES", "7"}, {"SYNC_COPY_THREADS", "7"}};
  flags_["SYNC_LANES"] = "8";
  const Result<Settings> settings = load();
  ASSERT_TRUE(settings.ok()) << settings.error().message;
  EXPECT_EQ(settings->lanes, 8U);
  EXPECT_EQ(settings->copy_threads, 7U);
  EXPECT_EQ(settings->max_retries, 6U);
  EXPECT_EQ(settings->batch_size, 100U);
}

TEST_F(ConfigLoad, TakesPasswordsFromSystemdsCredentials) {
  dir_.write("MONGODB_ATLAS_URI", "mongodb://a:credential@backup.example/\n");
  dir_.write("MONGODB_LOCAL_URI", "mongodb://l:credential@local.example/");
  dir_.write("SYNC_API_TOKEN", "of-the-credential\r\n");
  dir_.write("SYNC_LANES", "9");  // no password: not looked for here
  dir_.write(".env", "MONGODB_ATLAS_URI=mongodb://a:file@backup.example/\nSYNC_LANES=3\n");
  environment_ = {{"CREDENTIALS_DIRECTORY", dir_.path()}, {"MONGODB_LOCAL_URI", "mongodb://environment.example/"}};
  const Result<Settings> settings = load();
  ASSERT_TRUE(settings.ok()) << settings.error().message;
  EXPECT_EQ(settings->atlas_uri, "mongodb://a:credential@backup.example/") << "before .env";
  EXPECT_EQ(settings->local_uri, "mongodb://environment.example/") << "behind the environment";
  EXPECT_EQ(settings->api_token, "of-the-credential");
  EXPECT_EQ(settings->lanes, 3U);
}

TEST_F(ConfigLoad, SaysWhichCredentialIsUnusable) {
  environment_ = {{"CREDENTIALS_DIRECTORY", dir_.path() / "nowhere"}};
  EXPECT_TRUE(load().ok()) << "none was given";
  environment_ = {{"CREDENTIALS_DIRECTORY", dir_.path()}};
  dir_.write("MONGODB_ATLAS_URI", "first-secret\nsecond-secret\n");
  EXPECT_NE(failure().find("MONGODB_ATLAS_URI is not one line of text"), std::string::npos) << failure();
  EXPECT_EQ(failure().find("secret"), std::string::npos) << failure();
  dir_.write("MONGODB_ATLAS_URI", "http://no-database.example\n");
  EXPECT_NE(failure().find("(from systemd's credentials)"), std::string::npos) << failure();
  std::filesystem::remove(dir_.path() / "MONGODB_ATLAS_URI");
  std::filesystem::create_directory(dir_.path() / "MONGODB_ATLAS_URI");
  EXPECT_NE(failure().find("MONGODB_ATLAS_URI cannot be read"), std::string::npos) << failure();
}

TEST_F(ConfigLoad, TakesAnEmptyValueForTheDefault) {
  dir_.write(".env", "SYNC_LANES=5\n");
  environment_ = {{"SYNC_LANES", ""}};
  EXPECT_EQ(load()->lanes, 4U);
}

TEST_F(ConfigLoad, NamesSettingSourceValueAndWhatIsAllowed) {
  dir_.write(".env", "# x\nSYNC_LANES=many\n");
  EXPECT_EQ(
      failure(),
      "SYNC_LANES is \"many\" (from .env line 2): it is not a whole number / allowed: a whole number from 1 to 64");
  environment_ = {{"SYNC_LANES", "65"}};
  EXPECT_EQ(failure(),
            "SYNC_LANES is \"65\" (from the environment): it is out of bounds / allowed: a whole number from 1 to 64");
  flags_["SYNC_LANES"] = "-1";
  EXPECT_EQ(failure(),
            "SYNC_LANES is \"-1\" (from flag --lanes): it is out of bounds / allowed: a whole number from 1 to 64");
}

TEST_F(ConfigLoad, HidesPasswordsInErrorsAndWarnings) {
  environment_ = {{"MONGODB_ATLAS_URI", "mongo://bob:hunter22@example.net/shop"}};
  EXPECT_EQ(failure().find("hunter22"), std::string::npos) << failure();
  environment_ = {{"SYNC_API_TOKEN", "hunter22 hunter22"}};
  EXPECT_EQ(failure().find("hunter22"), std::string::npos) << failure();
  environment_.clear();
  flags_["MONGODB_ATLAS_URI"] = "mongodb://bob:hunter22@example.net/shop";
  const Result<Settings> settings = load();
  ASSERT_TRUE(settings.ok());
  ASSERT_EQ(settings->warnings.size(), 1U);
  EXPECT_NE(settings->warnings[0].find("--atlas-uri holds a password"), std::string::npos);
  EXPECT_EQ(settings->warnings[0].find("hunter22"), std::string::npos);
}

TEST_F(ConfigLoad, EnablesOnlyWithTrueAndWarnsOfOtherWords) {
  for (const char* off : {"false", ""}) {
    environment_["SYNC_ENABLED"] = off;
    EXPECT_FALSE(load()->enabled);
    EXPECT_TRUE(load()->warnings.empty());
  }
  for (const char* odd : {"yes", "1", "TRUE"}) {
    environment_["SYNC_ENABLED"] = odd;
    EXPECT_FALSE(load()->enabled);
    EXPECT_EQ(load()->warnings.size(), 1U);
  }
  environment_["SYNC_ENABLED"] = "true";
  EXPECT_TRUE(load()->enabled);
}

TEST_F(ConfigLoad, ChecksRulesAcrossSettings) {
  environment_ = {{"SYNC_BATCH_SIZE", "200"}, {"SYNC_BATCH_MAX", "100"}};
  EXPECT_NE(failure().find("SYNC_BATCH_SIZE (200) is larger than SYNC_BATCH_MAX (100)"), std::string::npos)
      << failure();
  environment_ = {{"MONGODB_LOCAL_URI", "mongodb://a/x"}, {"MONGODB_ATLAS_URI", "mongodb://a/x"}};
  EXPECT_NE(failure().find("are the same"), std::string::npos) << failure();
}

TEST_F(ConfigLoad, SuggestsTheNearestNameForAnUnknownOne) {
  dir_.write(".env", "SYNC_LANE=5\nOTHER=1\nSYNC_COMPLETELY_DIFFERENT_THING=1\nMONGODB_ATLAS_URL=x\n");
  const Result<Settings> settings = load();
  ASSERT_TRUE(settings.ok());
  ASSERT_EQ(settings->warnings.size(), 3U);
  EXPECT_EQ(settings->warnings[0], ".env line 1: SYNC_LANE is not a setting of dualsync; did you mean SYNC_LANES?");
  EXPECT_EQ(settings->warnings[1], ".env line 3: SYNC_COMPLETELY_DIFFERENT_THING is not a setting of dualsync");
  EXPECT_EQ(settings->warnings[2],
            ".env line 4: MONGODB_ATLAS_URL is not a setting of dualsync; did you mean MONGODB_ATLAS_URI?");
}

TEST_F(ConfigLoad, WarnsOfAnApiThatOthersCanReach) {
  environment_["SYNC_HTTP_LISTEN"] = "0.0.0.0:8787";
  ASSERT_EQ(load()->warnings.size(), 1U);
}

TEST_F(ConfigLoad, FailsOnAMalformedFile) {
  dir_.write(".env", "SYNC_LANES=5\nnonsense\n");
  EXPECT_NE(failure().find(".env line 2"), std::string::npos);
}

TEST_F(ConfigLoad, AsksForTheBackupOnlyWhenSomebodyNeedsIt) {
  Result<Settings> settings = load();
  ASSERT_TRUE(settings.ok());
  ASSERT_FALSE(require_backup(*settings).ok());
  EXPECT_EQ(require_backup(*settings).error().kind, ErrorKind::kInvalidArgument);
  settings->atlas_uri = "mongodb://example.net";
  EXPECT_TRUE(require_backup(*settings).ok());
}

}  // namespace
}  // namespace dualsync
