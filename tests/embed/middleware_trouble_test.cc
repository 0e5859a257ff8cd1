// What goes wrong on our side, or between the application and local.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "embed/embed_fixture.h"
#include "support/cutting_proxy.h"

namespace dualsync::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class MiddlewareTroubleTest : public EmbedFixture {};

TEST_F(MiddlewareTroubleTest, OneForAnEngine) {
  start_engine();
  start_middleware();
  Failure failure;
  EXPECT_EQ(Middleware::start(*engine_, &failure), nullptr);
  EXPECT_NE(failure.hint, "");
}

TEST_F(MiddlewareTroubleTest, WithoutABackupTheApplicationGoesOnAndItIsSentLater) {
  settings_["MONGODB_ATLAS_URI"] = "mongodb://127.0.0.1:1/";
  settings_["SYNC_CONNECT_TIMEOUT"] = "1s";
  Failure failure;
  engine_ = Engine::start(options(), &failure);
  ASSERT_NE(engine_, nullptr) << failure.message;
  start_middleware();
  for (int i = 0; i < 100; ++i) {
    const std::string document = R"({"_id":)" + std::to_string(i) + "}";
    ASSERT_TRUE(mongoc_collection_insert_one(bills(), Doc(document.c_str()), nullptr, nullptr, nullptr));
  }
  EXPECT_TRUE(middleware_->flush(seconds(30))) << middleware_->counts().trouble;
  EXPECT_EQ(engine_->wait(milliseconds(100)), Engine::Caught::kNotYet);
  end();
  settings_.clear();
  start_engine();
  start_middleware();
  expect_equal();
  EXPECT_EQ(documents(backup_client_.get(), database_, "bills").size(), 100U);
}

TEST_F(MiddlewareTroubleTest, AStopInOrderOwesNothing) {
  start_engine();
  start_middleware();
  ASSERT_TRUE(mongoc_collection_insert_one(bills(), Doc(R"({"_id":1})"), nullptr, nullptr, nullptr));
  bills_.reset();
  client_.reset();
  EXPECT_TRUE(middleware_->stop(seconds(30)));
  EXPECT_TRUE(middleware_->stop(seconds(30))) << "again";
  end();
  const Collection unheard(mongoc_client_get_collection(watcher_.get(), database_.c_str(), "bills"));
  ASSERT_TRUE(mongoc_collection_insert_one(unheard.get(), Doc(R"({"_id":2})"), nullptr, nullptr, nullptr));
  start_engine();
  start_middleware();
  std::this_thread::sleep_for(milliseconds(1500));
  EXPECT_EQ(engine_->wait(seconds(30)), Engine::Caught::kAll);
  EXPECT_EQ(documents(backup_client_.get(), database_, "bills").size(), 1U) << "nobody told of it, nothing was owed";
}

TEST_F(MiddlewareTroubleTest, AKilledApplicationHasEverythingComparedAtItsNextStart) {
  start_engine();
  end();
  // The application, which dies between its write and the report: what is written unheard stands for it.
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const std::string data = dir_.text() + "/data";
  const std::string local_database = database_uri();

  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::dup2(ready[1], STDOUT_FILENO);
    ::execl(DUALSYNC_EMBED_VICTIM, "victim", data.c_str(), local_database.c_str(), backup_uri().c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ready[1]);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1) << "the application did not come up";
  ::close(ready[0]);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const Collection unheard(mongoc_client_get_collection(watcher_.get(), database_.c_str(), "bills"));
  ASSERT_TRUE(mongoc_collection_insert_one(unheard.get(), Doc(R"({"_id":"missed"})"), nullptr, nullptr, nullptr));
  start_engine();
  start_middleware();
  const auto deadline = std::chrono::steady_clock::now() + seconds(90);
  while (documents(backup_client_.get(), database_, "bills").empty() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(milliseconds(50));
  expect_equal();
  EXPECT_EQ(documents(backup_client_.get(), database_, "bills").size(), 1U);
}

TEST_F(MiddlewareTroubleTest, AWriteWithoutAnAnswerIsToldAllTheSame) {
  start_engine();
  start_middleware();
  CuttingProxy proxy(local_uri());
  ASSERT_EQ(proxy.problem(), "");
  Client cut(mongoc_client_new(proxy.uri().c_str()));
  ASSERT_FALSE(middleware_->attach(cut.get()));
  const Collection bills(mongoc_client_get_collection(cut.get(), database_.c_str(), "bills"));
  bson_error_t error;
  ASSERT_TRUE(mongoc_collection_insert_one(bills.get(), Doc(R"({"_id":1})"), nullptr, nullptr, &error))
      << error.message;
  EXPECT_EQ(told().documents, 1U);
  proxy.cut_answers_to("unanswered");
  EXPECT_FALSE(
      mongoc_collection_insert_one(bills.get(), Doc(R"({"_id":2,"unanswered":true})"), nullptr, nullptr, &error))
      << "the application sees that the connection broke";
  EXPECT_EQ(error.domain, static_cast<std::uint32_t>(MONGOC_ERROR_STREAM)) << error.message;
  EXPECT_EQ(told().documents, 1U);
  expect_equal();
  EXPECT_EQ(documents(backup_client_.get(), database_, "bills").size(), 2U) << "local did it";
}

TEST_F(MiddlewareTroubleTest, AServerThatIsAwayIsTheApplicationsTroubleOnly) {
  start_engine();
  start_middleware();
  Client lost(mongoc_client_new("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"));
  ASSERT_FALSE(middleware_->attach(lost.get()));
  const Collection unreachable(mongoc_client_get_collection(lost.get(), database_.c_str(), "bills"));
  bson_error_t error;
  EXPECT_FALSE(mongoc_collection_insert_one(unreachable.get(), Doc(R"({"_id":2})"), nullptr, nullptr, &error));
  EXPECT_EQ(error.domain, static_cast<std::uint32_t>(MONGOC_ERROR_SERVER_SELECTION));
  EXPECT_EQ(told().documents, 0U);
}

}  // namespace
}  // namespace dualsync::test
