#include "dualsync/mongo/kept_schema.h"
#include "mongo_fixture.h"

namespace dualsync::test {
namespace {

class KeptSchemaTest : public MongoTest {
 protected:
  void SetUp() override {
    MongoTest::SetUp();
    if (HasFatalFailure()) return;
    writer_ = backup_->make_keeping_schema_writer(nullptr, db_);
    kept_ = backup_->make_kept_schemas(db_);
    reader_ = backup_->make_reader();
  }
  void TearDown() override {
    run_on_backup(R"({"delete": "state", "deletes": [{"q": {"_id": {"$gte": "schema/)" + db_ + R"(", "$lt": "schema/)" +
                      db_ + R"(~"}}, "limit": 0}]})",
                  "dualsync");
    MongoTest::TearDown();
  }

  TrueSchema kept(const std::string& collection) {
    const auto schema = kept_->read(ns(collection));
    EXPECT_TRUE(is_ok(schema));
    return schema.ok() ? *schema : TrueSchema{};
  }
  static std::string ttl_index(int seconds) {
    return bson_of(R"({"v": 2, "key": {"at": 1}, "name": "soon", "expireAfterSeconds": )" + std::to_string(seconds) +
                   "}");
  }

  std::unique_ptr<SchemaWriter> writer_;
  std::unique_ptr<KeptSchemas> kept_;
  std::unique_ptr<DocumentReader> reader_;
};

TEST_F(KeptSchemaTest, KeepsWhatTheBackupMustNotHave) {
  EXPECT_TRUE(kept("c").empty());
  ASSERT_TRUE(is_ok(writer_->create_collection(
      ns("c"), bson_of(R"({"capped": true, "size": 4096, "max": 5, "validator": {"a": 1}})"))));
  ASSERT_TRUE(is_ok(writer_->create_index(ns("c"), ttl_index(60))));
  EXPECT_EQ(kept("c").options, bson_of(R"({"capped": true, "size": 4096, "max": 5})"));
  EXPECT_EQ(kept("c").ttl_seconds, (std::map<std::string, std::int64_t>{{"soon", 60}}));
  const auto indexes = reader_->list_indexes(ns("c"));
  ASSERT_TRUE(is_ok(indexes));
  for (const std::string& index : *indexes) {
    const auto view = view_bson(index);
    EXPECT_FALSE(bson_has_field(&*view, "expireAfterSeconds"));
  }
}

TEST_F(KeptSchemaTest, ADamagedRecordIsToldWhenItIsReadAndReplacedByTheNextComparison) {
  ASSERT_TRUE(is_ok(writer_->create_index(ns("c"), ttl_index(60))));
  for (const char* damage :
       {R"({"options": "lost"})", R"({"indexes": {"soon": 60}})", R"({"indexes": [{"name": "soon"}]})",
        R"({"indexes": [{"expireAfterSeconds": {"$numberInt": "60"}}]})"}) {
    run_on_backup(R"({"update": "state", "updates": [{"q": {"_id": "schema/)" + ns("c").full() +
                      R"("}, "u": {"$set": )" + damage + "}}]}",
                  "dualsync");
    EXPECT_EQ(kind_of(kept_->read(ns("c"))), ErrorKind::kCorruption) << damage;
    ASSERT_TRUE(is_ok(writer_->keep_indexes(ns("c"), {ttl_index(5)})));
    EXPECT_EQ(kept("c").ttl_seconds.at("soon"), 5) << damage;
    ASSERT_TRUE(is_ok(writer_->keep_indexes(ns("c"), {ttl_index(60)})));
  }
}

TEST_F(KeptSchemaTest, FollowsEveryChange) {
  ASSERT_TRUE(is_ok(writer_->create_index(ns("c"), ttl_index(60))));
  ASSERT_TRUE(is_ok(writer_->modify_collection(
      ns("c"), bson_of(R"({"index": {"keyPattern": {"at": 1}, "expireAfterSeconds": 90}})"))));
  EXPECT_EQ(kept("c").ttl_seconds.at("soon"), 90);
  ASSERT_TRUE(is_ok(writer_->rename(ns("c"), ns("d"), false)));
  EXPECT_TRUE(kept("c").empty());
  EXPECT_EQ(kept("d").ttl_seconds.at("soon"), 90);
  // A rename that is told twice fails and takes nothing away.
  EXPECT_FALSE(writer_->rename(ns("c"), ns("d"), false).ok());
  EXPECT_EQ(kept("d").ttl_seconds.at("soon"), 90);
  ASSERT_TRUE(is_ok(writer_->drop_index(ns("d"), "soon")));
  EXPECT_TRUE(kept("d").empty());
  ASSERT_TRUE(is_ok(writer_->keep_indexes(ns("d"), {ttl_index(5)})));
  EXPECT_EQ(kept("d").ttl_seconds.at("soon"), 5);
  ASSERT_TRUE(is_ok(writer_->drop(ns("d"))));
  EXPECT_TRUE(kept("d").empty());
}

// A mongod's `modify` event of a clustered or time series collection, and of a capped one.
TEST_F(KeptSchemaTest, FollowsChangesOfOptions) {
  ASSERT_TRUE(is_ok(writer_->create_collection(
      ns("c"), bson_of(R"({"clusteredIndex": {"key": {"_id": 1}, "unique": true}, "expireAfterSeconds": 60})"))));
  EXPECT_EQ(kept("c").options, bson_of(R"({"expireAfterSeconds": 60})"));
  ASSERT_TRUE(is_ok(writer_->modify_collection(ns("c"), bson_of(R"({"expireAfterSeconds": {"$numberLong": "90"}})"))));
  EXPECT_EQ(kept("c").options, bson_of(R"({"expireAfterSeconds": {"$numberLong": "90"}})"));
  ASSERT_TRUE(is_ok(writer_->modify_collection(ns("c"), bson_of(R"({"expireAfterSeconds": "off"})"))));
  EXPECT_TRUE(kept("c").empty());
  ASSERT_TRUE(is_ok(writer_->create_collection(ns("d"), bson_of(R"({"capped": true, "size": 4096})"))));
  ASSERT_TRUE(is_ok(writer_->modify_collection(ns("d"), bson_of(R"({"cappedMax": 7})"))));
  EXPECT_EQ(kept("d").options, bson_of(R"({"capped": true, "size": 4096, "max": 7})"));
}

TEST_F(KeptSchemaTest, ClosedGateKeepsNothing) {
  struct Closed final : WriteGate {
    Result<void> may_write() const override { return Error{ErrorKind::kConnectivity, "not now", "", 0}; }
  } closed;
  const auto shut = backup_->make_keeping_schema_writer(&closed, db_);
  EXPECT_EQ(kind_of(shut->create_index(ns("c"), ttl_index(60))), ErrorKind::kConnectivity);
  EXPECT_TRUE(kept("c").empty());
}

TEST_F(KeptSchemaTest, WhatIsRestoredExpiresAndEvicts) {
  const auto writer = backup_->make_true_schema_writer();
  ASSERT_TRUE(is_ok(writer->create_collection(ns("c"), bson_of(R"({"capped": true, "size": 4096})"))));
  ASSERT_TRUE(is_ok(writer->create_index(ns("d"), ttl_index(60))));
  const auto collections = reader_->list_collections(db_);
  ASSERT_TRUE(is_ok(collections));
  for (const CollectionInfo& info : *collections) {
    const auto view = view_bson(info.options);
    EXPECT_EQ(info.ns.collection == "c", view.has_value() && bson_has_field(&*view, "capped"));
  }
  const auto indexes = reader_->list_indexes(ns("d"));
  ASSERT_TRUE(is_ok(indexes));
  ASSERT_EQ(indexes->size(), 2U);
  const auto view = view_bson(indexes->back());
  EXPECT_TRUE(bson_has_field(&*view, "expireAfterSeconds"));
}

}  // namespace
}  // namespace dualsync::test
