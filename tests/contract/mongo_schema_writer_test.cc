#include "dualsync/mongo/schema_commands.h"
#include "mongo_fixture.h"
#include "support/embedded_server.h"

namespace dualsync::test {
namespace {

class SchemaWriterTest : public MongoTest {
 protected:
  void SetUp() override {
    MongoTest::SetUp();
    if (HasFatalFailure()) return;
    writer_ = backup_->make_schema_writer();
    reader_ = backup_->make_reader();
  }

  std::string options_of(const std::string& collection) {
    const auto collections = reader_->list_collections(db_);
    EXPECT_TRUE(is_ok(collections));
    for (const CollectionInfo& info : *collections) {
      if (info.ns.collection == collection) return info.options;
    }
    return "";
  }
  std::string index_of(const std::string& collection, const std::string& name) {
    const auto indexes = reader_->list_indexes(ns(collection));
    EXPECT_TRUE(is_ok(indexes));
    for (const std::string& index : *indexes) {
      if (text_field(index, "name") == name) return index;
    }
    return "";
  }
  static bool has(const std::string& document, const char* field) {
    const auto view = view_bson(document);
    return view.has_value() && bson_has_field(&*view, field);
  }

  std::unique_ptr<SchemaWriter> writer_;
  std::unique_ptr<DocumentReader> reader_;
};

TEST(SchemaCommands, AMirrorNeitherEvictsNorExpires) {
  BsonDoc create;
  ASSERT_TRUE(is_ok(build_create("c", bson_of(R"({"capped": true, "size": 4096, "max": 5, "validator": {"a": 1},
                                                   "idIndex": {"v": 2},
                                                   "changeStreamPreAndPostImages": {"enabled": true}})"),
                                 &create)));
  EXPECT_EQ(create.str(),
            bson_of(R"({"create": "c", "validator": {"a": 1}, "changeStreamPreAndPostImages": {"enabled": true}})"));
  BsonDoc index;
  ASSERT_TRUE(*build_create_index("c", bson_of(R"({"v": 2, "key": {"a": 1, "b": -1}, "name": "x", "ns": "d.c",
                                                    "background": true, "expireAfterSeconds": 60, "sparse": true,
                                                    "prepareUnique": true})"),
                                  &index));
  EXPECT_EQ(index.str(), bson_of(R"({"createIndexes": "c", "indexes": [{"v": 2, "key": {"a": 1, "b": -1}, "name": "x",
                                     "sparse": true}]})"));
  BsonDoc modify;
  EXPECT_FALSE(
      *build_modify("c", bson_of(R"({"index": {"name": "x", "expireAfterSeconds": 5}, "cappedSize": 1})"), &modify));
  const std::string expiry = bson_of(R"({"expireAfterSeconds": 60})");
  BsonDoc series;
  EXPECT_FALSE(*build_modify("c", expiry, &series));
  BsonDoc restored;
  EXPECT_TRUE(*build_modify("c", expiry, &restored, SchemaForm::kTrue));
  EXPECT_EQ(restored.str(), bson_of(R"({"collMod": "c", "expireAfterSeconds": 60})"));
}

TEST(SchemaCommands, WhatFollowsFromAGranularityIsLeftOut) {
  BsonDoc listed;
  ASSERT_TRUE(is_ok(build_create("c", bson_of(R"({"timeseries": {"timeField": "at", "granularity": "hours",
                                                   "bucketMaxSpanSeconds": 2592000}, "expireAfterSeconds": 9})"),
                                 &listed)));
  EXPECT_EQ(listed.str(), bson_of(R"({"create": "c", "timeseries": {"timeField": "at", "granularity": "hours"}})"));
  BsonDoc custom;
  const std::string both =
      R"("timeseries": {"timeField": "at", "bucketMaxSpanSeconds": 9, "bucketRoundingSeconds": 9})";
  ASSERT_TRUE(is_ok(build_create("c", bson_of("{" + both + "}"), &custom)));
  EXPECT_EQ(custom.str(), bson_of(R"({"create": "c", )" + both + "}"));
}

TEST(SchemaCommands, OldIndexValuesMeanAscending) {
  BsonDoc index;
  ASSERT_TRUE(*build_create_index("c",
                                  bson_of(R"({"v": 1, "key": {"a": true, "b": "", "c": 0, "d": "2dsphere", "e": -1.5},
                                                    "name": "x"})"),
                                  &index));
  EXPECT_EQ(index.str(), bson_of(R"({"createIndexes": "c", "indexes": [{"key": {"a": 1, "b": 1, "c": 1, "d": "2dsphere",
                                     "e": -1.5}, "name": "x"}]})"));
}

TEST(SchemaCommands, TheIndexOnIdIsNotBuilt) {
  BsonDoc command;
  EXPECT_FALSE(*build_create_index("c", bson_of(R"({"v": 2, "key": {"_id": 1}, "name": "_id_"})"), &command));
  EXPECT_FALSE(
      *build_create_index("c", bson_of(R"({"v": 2, "key": {"_id": 1}, "name": "mine", "clustered": true})"), &command));
  EXPECT_TRUE(*build_create_index("c", bson_of(R"({"v": 2, "key": {"_id": "hashed"}, "name": "h"})"), &command));
  EXPECT_EQ(kind_of(build_create_index("c", "no bson", &command)), ErrorKind::kInvalidArgument);
}

TEST(SchemaCommands, TheEmbeddedServersViewPipelineIsAPipeline) {
  BsonDoc create;
  ASSERT_TRUE(is_ok(build_create("v", bson_of(R"({"viewOn": "c", "viewPipeline": [{"$match": {}}]})"), &create)));
  EXPECT_EQ(create.str(), bson_of(R"({"create": "v", "viewOn": "c", "pipeline": [{"$match": {}}]})"));
}

TEST_F(SchemaWriterTest, CreatesACollectionOnce) {
  const std::string options = bson_of(R"({"capped": true, "size": 4096, "validator": {"a": {"$type": "int"}}})");
  EXPECT_TRUE(is_ok(writer_->create_collection(ns("c"), options)));
  EXPECT_TRUE(is_ok(writer_->create_collection(ns("c"), options)));
  EXPECT_TRUE(has(options_of("c"), "validator"));
  EXPECT_FALSE(has(options_of("c"), "capped"));
  EXPECT_TRUE(is_ok(writer_->create_collection(ns("plain"), "")));
}

TEST_F(SchemaWriterTest, CreatesAView) {
  ASSERT_TRUE(is_ok(writer_->create_collection(ns("c"), "")));
  EXPECT_TRUE(
      is_ok(writer_->create_collection(ns("v"), bson_of(R"({"viewOn": "c", "pipeline": [{"$match": {"a": 1}}]})"))));
  EXPECT_EQ(text_field(options_of("v"), "viewOn"), "c");
}

TEST_F(SchemaWriterTest, BuildsATtlIndexWithoutItsClock) {
  const std::string index = bson_of(R"({"v": 2, "key": {"at": 1}, "name": "at_1", "expireAfterSeconds": 60})");
  EXPECT_TRUE(is_ok(writer_->create_index(ns("c"), index)));
  EXPECT_TRUE(is_ok(writer_->create_index(ns("c"), index)));
  EXPECT_FALSE(index_of("c", "at_1").empty());
  EXPECT_FALSE(has(index_of("c", "at_1"), "expireAfterSeconds"));
}

TEST_F(SchemaWriterTest, SaysWhyAnIndexCannotBeBuilt) {
  run_on_backup(R"({"insert": "c", "documents": [{"_id": 1, "a": 1}, {"_id": 2, "a": 1}]})");
  const std::string unique = bson_of(R"({"v": 2, "key": {"a": 1}, "name": "a_1", "unique": true})");
  EXPECT_EQ(kind_of(writer_->create_index(ns("c"), unique)), ErrorKind::kDuplicateKey);
  EXPECT_TRUE(is_ok(writer_->create_index(ns("c"), bson_of(R"({"v": 2, "key": {"b": 1}, "name": "b_1"})"))));
  EXPECT_EQ(
      kind_of(writer_->create_index(ns("c"), bson_of(R"({"v": 2, "key": {"b": 1}, "name": "b_1", "unique": true})"))),
      ErrorKind::kConflict);
}

TEST_F(SchemaWriterTest, DropsAndRenames) {
  ASSERT_TRUE(is_ok(writer_->create_index(ns("c"), bson_of(R"({"v": 2, "key": {"b": 1}, "name": "b_1"})"))));
  EXPECT_TRUE(is_ok(writer_->drop_index(ns("c"), "b_1")));
  EXPECT_EQ(kind_of(writer_->drop_index(ns("c"), "b_1")), ErrorKind::kNotFound);
  ASSERT_TRUE(is_ok(writer_->create_collection(ns("d"), "")));
  EXPECT_EQ(kind_of(writer_->rename(ns("c"), ns("d"), false)), ErrorKind::kConflict);
  EXPECT_TRUE(is_ok(writer_->rename(ns("c"), ns("d"), true)));
  EXPECT_EQ(kind_of(writer_->rename(ns("c"), ns("e"), false)), ErrorKind::kNotFound);
  EXPECT_TRUE(is_ok(writer_->drop(ns("d"))));
  EXPECT_TRUE(is_ok(writer_->create_collection(ns("d"), "")));
  EXPECT_TRUE(is_ok(writer_->drop(ns(""))));
  EXPECT_TRUE(reader_->list_collections(db_)->empty());
}

TEST_F(SchemaWriterTest, ModifiesAllButClocks) {
  ASSERT_TRUE(is_ok(writer_->create_collection(ns("c"), "")));
  EXPECT_TRUE(is_ok(writer_->modify_collection(ns("c"), bson_of(R"({"validator": {"a": {"$type": "int"}}})"))));
  EXPECT_TRUE(has(options_of("c"), "validator"));
  EXPECT_TRUE(
      is_ok(writer_->modify_collection(ns("c"), bson_of(R"({"index": {"name": "none", "expireAfterSeconds": 5}})"))));
  EXPECT_EQ(kind_of(writer_->modify_collection(ns("nothing"), bson_of(R"({"validator": {}})"))), ErrorKind::kNotFound);
}

}  // namespace
}  // namespace dualsync::test
