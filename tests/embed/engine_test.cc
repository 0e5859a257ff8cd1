#include "dualsync/engine.h"

#include <sys/stat.h>

#include <mutex>

#include "embed/embed_fixture.h"

namespace dualsync::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class EngineTest : public EmbedFixture {
 protected:
  Failure refused(const EngineOptions& options) {
    Failure failure;
    EXPECT_EQ(Engine::start(options, &failure), nullptr);
    return failure;
  }
};

TEST_F(EngineTest, CopiesWhatIsThereAndTellsHowItIs) {
  const Collection bills(mongoc_client_get_collection(watcher_.get(), database_.c_str(), "bills"));
  for (const char* one : {R"({"_id":1,"v":{"$numberLong":"1"}})", R"({"_id":"b","v":[1,{"a":null}]})"})
    ASSERT_TRUE(mongoc_collection_insert_one(bills.get(), Doc(one), nullptr, nullptr, nullptr));
  start_engine();
  EXPECT_EQ(documents(backup_client_.get(), database_, "bills").size(), 2U);
  EXPECT_EQ(documents(backup_client_.get(), database_, "bills"), documents(watcher_.get(), database_, "bills"));
  EXPECT_NE(engine_->status_json().find("\"standalone\""), std::string::npos);
  EXPECT_NE(engine_->metrics_json().find("\"totalOperations\""), std::string::npos);
  EXPECT_NE(engine_->health_json().find("\"degraded\""), std::string::npos);
  EXPECT_FALSE(engine_->failure());
  struct stat file {};
  ASSERT_EQ(::stat((dir_.text() + "/data").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0700U) << "it holds the user's documents";
}

TEST_F(EngineTest, ABadSettingIsNamed) {
  EngineOptions bad = options();
  bad.settings["SYNC_LANES"] = "many";
  const Failure lanes = refused(bad);
  EXPECT_EQ(lanes.message.find("SYNC_LANES is \"many\" (from the application's settings)"), 0U) << lanes.message;
  EXPECT_NE(lanes.hint.find("from 1"), std::string::npos) << lanes.hint;
  bad = options();
  bad.settings["SYNC_LANE"] = "2";
  EXPECT_EQ(refused(bad).message, "SYNC_LANE is not a setting of dualsync; did you mean SYNC_LANES?");
  bad = options();
  bad.settings["MONGODB_ATLAS_URI"] = "";
  EXPECT_NE(refused(bad).message.find("MONGODB_ATLAS_URI"), std::string::npos);
  bad = options();
  bad.settings["MONGODB_LOCAL_URI"] = "mongodb://127.0.0.1:1/";
  bad.settings["SYNC_CONNECT_TIMEOUT"] = "1s";
  EXPECT_NE(refused(bad).message.find("local MongoDB"), std::string::npos);
}

TEST_F(EngineTest, OneEngineHasADataDirectory) {
  start_engine();
  EXPECT_NE(refused(options()).message, "");
  end();
  start_engine();  // the first has let go of it
}

TEST_F(EngineTest, SwitchedOffItDoesNothing) {
  settings_["SYNC_ENABLED"] = "false";
  Failure failure;
  engine_ = Engine::start(options(), &failure);
  ASSERT_NE(engine_, nullptr) << failure.message;
  EXPECT_NE(engine_->status_json().find("disabled"), std::string::npos) << engine_->status_json();
  EXPECT_EQ(engine_->wait(milliseconds(1)), Engine::Caught::kNotYet);
  ASSERT_TRUE(engine_->pause());
  start_middleware();
  ASSERT_TRUE(mongoc_collection_insert_one(bills(), Doc(R"({"_id":1})"), nullptr, nullptr, nullptr));
  EXPECT_TRUE(middleware_->stop(seconds(10)));
}

TEST_F(EngineTest, PausesAndGoesOn) {
  start_engine();
  start_middleware();
  ASSERT_FALSE(engine_->pause());
  ASSERT_TRUE(mongoc_collection_insert_one(bills(), Doc(R"({"_id":1})"), nullptr, nullptr, nullptr));
  ASSERT_EQ(told().documents, 1U);
  EXPECT_EQ(engine_->wait(milliseconds(300)), Engine::Caught::kNotYet);
  EXPECT_TRUE(documents(backup_client_.get(), database_, "bills").empty());
  ASSERT_FALSE(engine_->resume());
  expect_equal();
}

TEST_F(EngineTest, GivesItsLogToTheApplication) {
  std::mutex mutex;
  std::vector<std::pair<LogLevel, std::string>> lines;
  EngineOptions with_log = options();
  with_log.settings["SYNC_LOG_LEVEL"] = "info";
  with_log.log = [&](LogLevel level, std::string_view line) {
    const std::lock_guard lock(mutex);
    lines.emplace_back(level, line);
  };
  engine_ = Engine::start(with_log, nullptr);
  ASSERT_NE(engine_, nullptr);
  engine_->stop(seconds(10));
  const std::lock_guard lock(mutex);
  ASSERT_FALSE(lines.empty());
  EXPECT_NE(lines.front().second.find(version()), std::string::npos) << lines.front().second;
  EXPECT_EQ(lines.front().first, LogLevel::kInfo);
  EXPECT_NE(lines.back().second.find("\"stopped\""), std::string::npos) << lines.back().second;
}

}  // namespace
}  // namespace dualsync::test
