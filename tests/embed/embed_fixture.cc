#include "embed/embed_fixture.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace dualsync::test {
namespace {

constexpr std::chrono::seconds kPatience{60};

class Servers : public ::testing::Environment {
 public:
  void SetUp() override {
    mongoc_init();
    local = environment("DUALSYNC_TEST_STANDALONE_URI");
    backup = environment("DUALSYNC_TEST_BACKUP_URI");
    if (local.empty() != backup.empty() && environment("DUALSYNC_TEST_SERVER").empty()) {
      skipped = "set DUALSYNC_TEST_STANDALONE_URI, a mongod without --replSet, besides DUALSYNC_TEST_BACKUP_URI";
      return;
    }
    if (!local.empty() && !backup.empty()) return;
    problem = own_local_.start({"--standalone"});
    if (problem.empty()) problem = own_backup_.start({});
    local = own_local_.uri();
    backup = own_backup_.uri();
  }
  void TearDown() override {
    own_local_.stop();
    own_backup_.stop();
    mongoc_cleanup();
  }

  std::string skipped;
  std::string problem;
  std::string local;
  std::string backup;

 private:
  EmbeddedServer own_local_;
  EmbeddedServer own_backup_;
};

Servers* const kServers = dynamic_cast<Servers*>(::testing::AddGlobalTestEnvironment(new Servers));

}  // namespace

Doc::Doc(const char* json) {
  bson_error_t error;
  bson_ = bson_new_from_json(reinterpret_cast<const std::uint8_t*>(json), -1, &error);
  if (bson_ == nullptr) throw std::invalid_argument(std::string(error.message) + " in " + json);
}

std::vector<std::string> documents(mongoc_client_t* client, const std::string& database, const std::string& name) {
  const Collection collection(mongoc_client_get_collection(client, database.c_str(), name.c_str()));
  const Doc everything("{}");
  const Doc sorted(R"({"sort":{"_id":1}})");
  mongoc_cursor_t* cursor = mongoc_collection_find_with_opts(collection.get(), everything, sorted, nullptr);
  std::vector<std::string> all;
  const bson_t* document = nullptr;
  while (mongoc_cursor_next(cursor, &document))
    all.emplace_back(reinterpret_cast<const char*>(bson_get_data(document)), document->len);
  bson_error_t error;
  EXPECT_FALSE(mongoc_cursor_error(cursor, &error)) << error.message;
  mongoc_cursor_destroy(cursor);
  return all;
}

const std::string& EmbedFixture::local_uri() { return kServers->local; }
const std::string& EmbedFixture::backup_uri() { return kServers->backup; }

std::string EmbedFixture::database_uri() const {
  mongoc_uri_t* uri = mongoc_uri_new(local_uri().c_str());
  mongoc_uri_set_database(uri, database_.c_str());
  std::string text = mongoc_uri_get_string(uri);
  mongoc_uri_destroy(uri);
  return text;
}

EmbedFixture::EmbedFixture() {
  static std::atomic<int> next{0};
  database_ = "embed_" + std::to_string(::getpid()) + "_" + std::to_string(++next);
}

EmbedFixture::~EmbedFixture() {
  end();
  for (const Client* client : {&watcher_, &backup_client_}) {
    if (*client == nullptr) continue;
    mongoc_database_t* database = mongoc_client_get_database(client->get(), database_.c_str());
    mongoc_database_drop(database, nullptr);
    mongoc_database_destroy(database);
  }
}

void EmbedFixture::SetUp() {
  if (!kServers->skipped.empty()) GTEST_SKIP() << kServers->skipped;
  ASSERT_EQ(kServers->problem, "");
  watcher_.reset(mongoc_client_new(local_uri().c_str()));
  backup_client_.reset(mongoc_client_new(backup_uri().c_str()));
}

EngineOptions EmbedFixture::options() const {
  EngineOptions options;
  options.settings = settings_;
  options.settings.insert({{"MONGODB_LOCAL_URI", database_uri()},
                           {"MONGODB_ATLAS_URI", backup_uri()},
                           {"SYNC_DATA_DIR", dir_.text() + "/data"},
                           {"SYNC_RECONCILE_INTERVAL", "0"},
                           {"SYNC_CANARY_INTERVAL", "0"},
                           {"SYNC_VERIFY_INTERVAL", "0"},
                           {"SYNC_HTTP_LISTEN", "127.0.0.1:0"},
                           {"SYNC_LOG_LEVEL", "warn"}});
  return options;
}

void EmbedFixture::start_engine() {
  Failure failure;
  engine_ = Engine::start(options(), &failure);
  ASSERT_NE(engine_, nullptr) << failure.message << "; " << failure.hint;
  ASSERT_EQ(engine_->wait(kPatience), Engine::Caught::kAll) << engine_->status_json();
}

void EmbedFixture::start_middleware() {
  Failure failure;
  middleware_ = Middleware::start(*engine_, &failure);
  ASSERT_NE(middleware_, nullptr) << failure.message;
  client_.reset(mongoc_client_new(local_uri().c_str()));
  const auto refused = middleware_->attach(client_.get());
  ASSERT_FALSE(refused) << refused->message;
  bills_.reset(mongoc_client_get_collection(client_.get(), database_.c_str(), "bills"));
  before_ = {};
}

void EmbedFixture::end() {
  bills_.reset();
  client_.reset();
  middleware_.reset();
  engine_.reset();
}

MiddlewareCounts EmbedFixture::told() {
  EXPECT_TRUE(middleware_->flush(kPatience));
  const MiddlewareCounts now = middleware_->counts();
  MiddlewareCounts since = now;
  since.documents -= before_.documents;
  since.comparisons -= before_.comparisons;
  before_ = now;
  return since;
}

void EmbedFixture::expect_equal(const std::string& collection) {
  EXPECT_TRUE(middleware_->flush(kPatience));
  EXPECT_EQ(engine_->wait(kPatience), Engine::Caught::kAll) << engine_->status_json();
  EXPECT_EQ(documents(backup_client_.get(), database_, collection), documents(watcher_.get(), database_, collection))
      << collection;
}

}  // namespace dualsync::test
