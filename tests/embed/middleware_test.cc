// Each kind of write by itself, through libmongoc's own functions: local and backup equal, and told as documents where
// the command says which.
#include "dualsync/middleware.h"

#include <memory>

#include "embed/embed_fixture.h"

namespace dualsync::test {
namespace {

class MiddlewareTest : public EmbedFixture {
 protected:
  void SetUp() override {
    EmbedFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const Collection bills(mongoc_client_get_collection(watcher_.get(), database_.c_str(), "bills"));
    for (const char* one : {R"({"_id":1,"v":1,"open":true})", R"({"_id":"b","v":2,"open":true})",
                            R"({"_id":{"$oid":"0123456789abcdef01234567"},"v":3,"open":false})"})
      ASSERT_TRUE(mongoc_collection_insert_one(bills.get(), Doc(one), nullptr, nullptr, nullptr));
    start_engine();
    start_middleware();
  }

  void expect_told(std::uint64_t documents, std::uint64_t comparisons, const char* collection = "bills") {
    const MiddlewareCounts counts = told();
    EXPECT_EQ(counts.documents, documents);
    EXPECT_EQ(counts.comparisons, comparisons);
    expect_equal(collection);
  }
  void insert(const char* document) {
    ASSERT_TRUE(mongoc_collection_insert_one(bills(), Doc(document), nullptr, nullptr, &error_)) << error_.message;
  }
  bool run(const char* command) {
    return mongoc_client_write_command_with_opts(client(), database_.c_str(), Doc(command), nullptr, nullptr, &error_);
  }

  bson_error_t error_{};
};

TEST_F(MiddlewareTest, InsertOne) {
  insert(R"({"_id":7,"v":{"$numberDecimal":"1.10"}})");
  expect_told(1, 0);
}

TEST_F(MiddlewareTest, InsertOneWithoutAnId) {
  insert(R"({"v":"libmongoc adds it"})");
  expect_told(1, 0);
}

TEST_F(MiddlewareTest, InsertMany) {
  const Doc a(R"({"_id":10})");
  const Doc b(R"({"_id":11,"x":[]})");
  const bson_t* both[] = {a, b};
  ASSERT_TRUE(mongoc_collection_insert_many(bills(), both, 2, nullptr, nullptr, &error_)) << error_.message;
  expect_told(2, 0);
}

TEST_F(MiddlewareTest, InsertManyOfWhichSomeAreRefused) {
  const Doc a(R"({"_id":10})");
  const Doc taken(R"({"_id":1,"no":true})");
  const Doc c(R"({"_id":12})");
  const bson_t* all[] = {a, taken, c};
  const Doc unordered(R"({"ordered":false})");
  EXPECT_FALSE(mongoc_collection_insert_many(bills(), all, 3, unordered, nullptr, &error_));
  EXPECT_EQ(error_.code, 11000U) << "the application sees what it always saw";
  expect_told(2, 0);
}

TEST_F(MiddlewareTest, UpdateOneById) {
  ASSERT_TRUE(mongoc_collection_update_one(bills(), Doc(R"({"_id":"b"})"), Doc(R"({"$set":{"v":9}})"), nullptr, nullptr,
                                           &error_));
  expect_told(1, 0);
}

TEST_F(MiddlewareTest, UpdateOneByAnotherField) {
  ASSERT_TRUE(
      mongoc_collection_update_one(bills(), Doc(R"({"v":2})"), Doc(R"({"$set":{"v":9}})"), nullptr, nullptr, &error_));
  expect_told(0, 1);
}

TEST_F(MiddlewareTest, UpdateThatChangesNothing) {
  ASSERT_TRUE(mongoc_collection_update_one(bills(), Doc(R"({"v":777})"), Doc(R"({"$set":{"v":9}})"), nullptr, nullptr,
                                           &error_));
  expect_told(0, 0);
}

TEST_F(MiddlewareTest, UpdateMany) {
  ASSERT_TRUE(mongoc_collection_update_many(bills(), Doc(R"({"open":true})"), Doc(R"({"$inc":{"v":1}})"), nullptr,
                                            nullptr, &error_));
  expect_told(0, 1);
}

TEST_F(MiddlewareTest, UpdateManyThatReadsTheIds) {
  bson_t reply;
  ASSERT_TRUE(
      middleware_->update_many(bills(), Doc(R"({"open":true})"), Doc(R"({"$inc":{"v":1}})"), nullptr, &reply, &error_));
  bson_iter_t matched;
  ASSERT_TRUE(bson_iter_init_find(&matched, &reply, "matchedCount"));
  EXPECT_EQ(bson_iter_as_int64(&matched), 2);
  bson_destroy(&reply);
  expect_told(2, 0);
  ASSERT_TRUE(middleware_->update_many(bills(), Doc(R"({"_id":{"$type":"int"},"v":{"$gt":0}})"),
                                       Doc(R"({"$inc":{"v":1}})"), nullptr, nullptr, &error_));
  expect_told(1, 0);
  ASSERT_TRUE(middleware_->update_many(bills(), Doc(R"({"v":404})"), Doc(R"({"$set":{"new":true}})"),
                                       Doc(R"({"upsert":true})"), nullptr, &error_));
  expect_told(1, 0);
}

TEST_F(MiddlewareTest, UpsertById) {
  ASSERT_TRUE(mongoc_collection_update_one(bills(), Doc(R"({"_id":33})"), Doc(R"({"$set":{"v":9}})"),
                                           Doc(R"({"upsert":true})"), nullptr, &error_));
  EXPECT_GE(told().documents, 1U);
  expect_equal();
}

TEST_F(MiddlewareTest, UpsertByAnotherField) {
  ASSERT_TRUE(mongoc_collection_update_one(bills(), Doc(R"({"v":555})"), Doc(R"({"$set":{"w":9}})"),
                                           Doc(R"({"upsert":true})"), nullptr, &error_));
  expect_told(1, 0);
}

TEST_F(MiddlewareTest, ReplaceOne) {
  ASSERT_TRUE(
      mongoc_collection_replace_one(bills(), Doc(R"({"_id":1})"), Doc(R"({"other":1})"), nullptr, nullptr, &error_));
  expect_told(1, 0);
}

TEST_F(MiddlewareTest, DeleteOneAndDeleteMany) {
  ASSERT_TRUE(mongoc_collection_delete_one(bills(), Doc(R"({"_id":1})"), nullptr, nullptr, &error_));
  expect_told(1, 0);
  ASSERT_TRUE(mongoc_collection_delete_many(bills(), Doc(R"({"v":3})"), nullptr, nullptr, &error_));
  expect_told(0, 1);
}

TEST_F(MiddlewareTest, DeleteManyThatReadsTheIds) {
  ASSERT_TRUE(middleware_->delete_many(bills(), Doc(R"({"v":{"$gte":3}})"), nullptr, nullptr, &error_));
  expect_told(1, 0);
}

TEST_F(MiddlewareTest, FindAndModify) {
  for (const char* command :
       {R"({"findAndModify":"bills","query":{"v":1},"update":{"$set":{"v":10}}})",
        R"({"findAndModify":"bills","query":{"v":2},"update":{"other":true},"new":true})",
        R"({"findAndModify":"bills","query":{"v":3},"remove":true})",
        R"({"findAndModify":"bills","query":{"v":99},"update":{"$set":{"w":1}},"upsert":true})"}) {
    ASSERT_TRUE(run(command)) << error_.message;
    expect_told(1, 0);
  }
}

TEST_F(MiddlewareTest, BulkOperation) {
  mongoc_bulk_operation_t* bulk = mongoc_collection_create_bulk_operation_with_opts(bills(), nullptr);
  mongoc_bulk_operation_insert(bulk, Doc(R"({"_id":40})"));
  mongoc_bulk_operation_insert(bulk, Doc(R"({"_id":41})"));
  mongoc_bulk_operation_update_one(bulk, Doc(R"({"_id":1})"), Doc(R"({"$set":{"v":8}})"), false);
  mongoc_bulk_operation_replace_one(bulk, Doc(R"({"_id":42})"), Doc(R"({"fresh":true})"), true);
  mongoc_bulk_operation_remove_one(bulk, Doc(R"({"_id":"b"})"));
  EXPECT_NE(mongoc_bulk_operation_execute(bulk, nullptr, &error_), 0U) << error_.message;
  mongoc_bulk_operation_destroy(bulk);
  EXPECT_EQ(told().comparisons, 0U);
  expect_equal();
  EXPECT_EQ(documents(backup_client_.get(), database_, "bills").size(), 5U);
}

TEST_F(MiddlewareTest, AnUnacknowledgedWrite) {
  mongoc_write_concern_t* none = mongoc_write_concern_new();
  mongoc_write_concern_set_w(none, MONGOC_WRITE_CONCERN_W_UNACKNOWLEDGED);
  mongoc_collection_set_write_concern(bills(), none);
  mongoc_write_concern_destroy(none);
  insert(R"({"_id":50,"said":"nothing"})");
  expect_told(0, 1);
  EXPECT_EQ(documents(backup_client_.get(), database_, "bills").size(), 4U);
}

TEST_F(MiddlewareTest, OutputOfAnAggregation) {
  for (const char* stage : {R"({"$out":"old"})", R"({"$merge":{"into":"kept"}})"}) {
    const std::string pipeline = std::string(R"({"pipeline":[{"$match":{"open":true}},)") + stage + "]}";
    mongoc_cursor_t* cursor =
        mongoc_collection_aggregate(bills(), MONGOC_QUERY_NONE, Doc(pipeline.c_str()), nullptr, nullptr);
    const bson_t* none = nullptr;
    EXPECT_FALSE(mongoc_cursor_next(cursor, &none));
    ASSERT_FALSE(mongoc_cursor_error(cursor, &error_)) << error_.message;
    mongoc_cursor_destroy(cursor);
    expect_told(0, 1, *stage == '{' && std::string(stage).find("$out") != std::string::npos ? "old" : "kept");
  }
}

TEST_F(MiddlewareTest, DroppedAndRenamedCollections) {
  ASSERT_TRUE(mongoc_collection_drop(bills(), &error_)) << error_.message;
  expect_told(0, 1);
  insert(R"({"_id":1,"again":true})");
  expect_told(1, 0);
  ASSERT_TRUE(mongoc_collection_rename(bills(), database_.c_str(), "paid", false, &error_)) << error_.message;
  expect_told(0, 2, "paid");
  expect_equal("bills");
}

TEST_F(MiddlewareTest, ChangesMadeWithoutLibmongoc) {
  const Collection unheard(mongoc_client_get_collection(watcher_.get(), database_.c_str(), "bills"));
  ASSERT_TRUE(mongoc_collection_insert_one(unheard.get(), Doc(R"({"_id":"unheard"})"), nullptr, nullptr, nullptr));
  middleware_->changed(database_, "bills");
  expect_told(0, 1);
}

TEST_F(MiddlewareTest, AllClientsOfAPool) {
  mongoc_uri_t* uri = mongoc_uri_new(local_uri().c_str());
  mongoc_client_pool_t* pool = mongoc_client_pool_new(uri);
  ASSERT_FALSE(middleware_->attach(pool));
  const auto twice = middleware_->attach(pool);
  ASSERT_TRUE(twice);
  EXPECT_NE(twice->hint.find("command_started()"), std::string::npos);
  mongoc_client_t* one = mongoc_client_pool_pop(pool);
  mongoc_client_t* two = mongoc_client_pool_pop(pool);
  for (mongoc_client_t* client : {one, two}) {
    const Collection bills(mongoc_client_get_collection(client, database_.c_str(), "bills"));
    ASSERT_TRUE(mongoc_collection_insert_one(bills.get(), Doc(R"({"pooled":true})"), nullptr, nullptr, &error_));
    mongoc_client_pool_push(pool, client);
  }
  mongoc_client_pool_destroy(pool);
  mongoc_uri_destroy(uri);
  expect_told(2, 0);
}

TEST_F(MiddlewareTest, BesideTheApplicationsOwnMonitoring) {
  mongoc_apm_callbacks_t* own = mongoc_apm_callbacks_new();
  using Middlewares = Middleware;
  mongoc_apm_set_command_started_cb(own, [](const mongoc_apm_command_started_t* event) {
    static_cast<Middlewares*>(mongoc_apm_command_started_get_context(event))->command_started(event);
  });
  mongoc_apm_set_command_succeeded_cb(own, [](const mongoc_apm_command_succeeded_t* event) {
    static_cast<Middlewares*>(mongoc_apm_command_succeeded_get_context(event))->command_succeeded(event);
  });
  mongoc_apm_set_command_failed_cb(own, [](const mongoc_apm_command_failed_t* event) {
    static_cast<Middlewares*>(mongoc_apm_command_failed_get_context(event))->command_failed(event);
  });
  Client watched(mongoc_client_new(local_uri().c_str()));
  mongoc_client_set_apm_callbacks(watched.get(), own, middleware_.get());
  mongoc_apm_callbacks_destroy(own);
  const Collection bills(mongoc_client_get_collection(watched.get(), database_.c_str(), "bills"));
  ASSERT_TRUE(mongoc_collection_insert_one(bills.get(), Doc(R"({"_id":60})"), nullptr, nullptr, &error_));
  expect_told(1, 0);
}

// A standalone mongod has no transactions; the embedded one does, and so have others that speak its protocol.
class TransactionTest : public MiddlewareTest {
 protected:
  void begin() {
    session_.reset(mongoc_client_start_session(client(), nullptr, &error_));
    ASSERT_NE(session_, nullptr) << error_.message;
    ASSERT_TRUE(mongoc_client_session_start_transaction(session_.get(), nullptr, &error_)) << error_.message;
    ASSERT_TRUE(mongoc_client_session_append(session_.get(), opts_.get(), &error_));
    if (!mongoc_collection_insert_one(bills(), Doc(R"({"_id":70})"), opts_, nullptr, &error_) && error_.code == 20)
      GTEST_SKIP() << error_.message;
    ASSERT_TRUE(mongoc_collection_update_one(bills(), Doc(R"({"_id":1})"), Doc(R"({"$set":{"v":5}})"), opts_, nullptr,
                                             &error_));
  }

  Doc opts_{"{}"};
  Session session_;
};

TEST_F(TransactionTest, IsToldWhenItCommits) {
  begin();
  if (IsSkipped()) return;
  EXPECT_EQ(told().documents, 0U);
  bson_t reply;
  ASSERT_TRUE(mongoc_client_session_commit_transaction(session_.get(), &reply, &error_)) << error_.message;
  bson_destroy(&reply);
  session_.reset();
  expect_told(2, 0);
}

TEST_F(TransactionTest, IsForgottenWhenItAborts) {
  begin();
  if (IsSkipped()) return;
  ASSERT_TRUE(mongoc_client_session_abort_transaction(session_.get(), &error_)) << error_.message;
  session_.reset();
  expect_told(0, 0);
}

TEST_F(TransactionTest, IsForgottenWhenItsSessionEnds) {
  begin();
  if (IsSkipped()) return;
  session_.reset();
  expect_told(0, 0);
}

}  // namespace
}  // namespace dualsync::test
