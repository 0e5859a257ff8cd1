#include <gtest/gtest.h>

#include "dualsync/mongo/write_command.h"
#include "mongo_fixture.h"

namespace dualsync {
namespace {

using test::bson_of;
using test::is_ok;

std::string build_one(const WriteItem& item, WriteFlags flags = {}) {
  const std::string collection = "c";
  const std::vector<WriteItem> items = {item};
  const std::vector<std::size_t> chosen = {0};
  BsonDoc command;
  EXPECT_TRUE(is_ok(build_write(WriteBuild{item.kind, &collection, items, chosen, 1000, flags}, &command)));
  return command.str();
}

TEST(WriteCommand, ADeltaAsksThatEveryPathExists) {
  const std::string key = bson_of(R"({"_id": 1})");
  const std::string change = bson_of(R"({"updatedFields": {"a.b": 2, "c": {"d": 1}}, "removedFields": ["e"]})");
  EXPECT_EQ(build_one({WriteItem::Kind::kDelta, key, change}), bson_of(R"({"update": "c", "ordered": false, "updates": [
                         {"q": {"_id": 1, "a.b": {"$exists": true}, "c": {"$exists": true}},
                          "u": {"$set": {"a.b": 2, "c": {"d": 1}}, "$unset": {"e": ""}}}]})"));
}

TEST(WriteCommand, ADeltaLeavesEmptyOperatorsOut) {
  const std::string key = bson_of(R"({"_id": 1})");
  const std::string change = bson_of(R"({"updatedFields": {}, "removedFields": ["e"]})");
  EXPECT_EQ(
      build_one({WriteItem::Kind::kDelta, key, change}),
      bson_of(R"({"update": "c", "ordered": false, "updates": [{"q": {"_id": 1}, "u": {"$unset": {"e": ""}}}]})"));
  EXPECT_FALSE(delta_changes_something(bson_of(R"({"updatedFields": {}, "removedFields": []})")));
}

TEST(WriteCommand, AKeyThatCouldBeReadAsAnOperatorIsCompared) {
  const std::string key = bson_of(R"({"_id": {"a": 1}, "region": "eu"})");
  EXPECT_EQ(build_one({WriteItem::Kind::kDelete, key, ""}), bson_of(R"({"delete": "c", "ordered": false, "deletes": [
                         {"q": {"_id": {"$eq": {"a": 1}}, "region": "eu"}, "limit": 1,
                          "collation": {"locale": "simple"}}]})"));
}

TEST(WriteCommand, AKeyOfTextIsComparedByteByByteWhateverTheCollation) {
  const std::string simple = R"("collation": {"locale": "simple"})";
  const std::string text = bson_of(R"({"_id": "anna"})");
  EXPECT_EQ(
      build_one({WriteItem::Kind::kDelete, text, ""}),
      bson_of(R"({"delete": "c", "ordered": false, "deletes": [{"q": {"_id": "anna"}, "limit": 1, )" + simple + "}]}"));
  EXPECT_EQ(build_one({WriteItem::Kind::kReplace, text, text}),
            bson_of(R"({"update": "c", "ordered": false, "updates": [
                         {"q": {"_id": "anna"}, "u": {"_id": "anna"}, "upsert": true, )" +
                    simple + "}]}"));
  const std::string number = bson_of(R"({"_id": 7})");
  EXPECT_EQ(build_one({WriteItem::Kind::kDelete, number, ""}),
            bson_of(R"({"delete": "c", "ordered": false, "deletes": [{"q": {"_id": 7}, "limit": 1}]})"));
}

TEST(WriteCommand, FlagsGoWithContentOnly) {
  const std::string document = bson_of(R"({"_id": 1})");
  EXPECT_EQ(
      build_one({WriteItem::Kind::kInsert, document, document}, WriteFlags{true, true}),
      bson_of(R"({"insert": "c", "ordered": false, "bypassDocumentValidation": true, "bypassEmptyTsReplacement": true,
                        "documents": [{"_id": 1}]})"));
  EXPECT_EQ(build_one({WriteItem::Kind::kDelete, document, ""}, WriteFlags{true, true}),
            bson_of(R"({"delete": "c", "ordered": false, "deletes": [{"q": {"_id": 1}, "limit": 1}]})"));
}

TEST(WriteCommand, FillsUpToTheLimitAndTakesOneAtLeast) {
  const std::string collection = "c";
  const std::string document = bson_of(R"({"_id": 1, "text": "0123456789012345678901234567890123456789"})");
  const std::vector<WriteItem> items(4, WriteItem{WriteItem::Kind::kInsert, document, document});
  const std::vector<std::size_t> chosen = {0, 1, 2, 3};
  BsonDoc some;
  EXPECT_EQ(*build_write(WriteBuild{WriteItem::Kind::kInsert, &collection, items, chosen, 500, {}}, &some), 2U);
  BsonDoc one;
  EXPECT_EQ(*build_write(WriteBuild{WriteItem::Kind::kInsert, &collection, items, chosen, 10, {}}, &one), 1U);
}

TEST(WriteCommand, ZeroTimestampsAreSeenAtTopLevelOnly) {
  EXPECT_TRUE(has_zero_timestamp(bson_of(R"({"_id": 1, "t": {"$timestamp": {"t": 0, "i": 0}}})")));
  EXPECT_FALSE(has_zero_timestamp(bson_of(R"({"_id": 1, "t": {"$timestamp": {"t": 1, "i": 0}}})")));
  EXPECT_FALSE(has_zero_timestamp(
      bson_of(R"({"_id": {"$timestamp": {"t": 0, "i": 0}}, "a": {"t": {"$timestamp": {"t": 0, "i": 0}}}})")));
}

}  // namespace
}  // namespace dualsync
