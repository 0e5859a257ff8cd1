#include "dualsync/codec/event_decode.h"

#include <gtest/gtest.h>

#include "dualsync/codec/ddl_event.h"
#include "support/bson_literal.h"

namespace dualsync {
namespace {

using test::bson;
using Kind = DecodedEvent::Kind;

std::string event(const std::string& type, const std::string& rest, const std::string& key = R"({"_id":1})") {
  return bson(R"({"_id":{"_data":"x"},"operationType":")" + type +
              R"(","clusterTime":{"$timestamp":{"t":5,"i":6}},"ns":{"db":"shop","coll":"bills"})" +
              (key.empty() ? "" : R"(,"documentKey":)" + key) + rest + "}");
}

TEST(EventDecode, DocumentEventsKeepTheirContentAsItCame) {
  const std::string bytes = event("insert", R"(,"fullDocument":{"_id":1,"x":[1,2]})");
  const DecodedEvent decoded = decode_event(bytes);
  ASSERT_EQ(decoded.kind, Kind::kDocument);
  EXPECT_EQ(decoded.op.kind, OpKind::kInsert);
  EXPECT_EQ(decoded.op.ns(), (Namespace{"shop", "bills"}));
  EXPECT_EQ(decoded.op.payload, bson(R"({"_id":1,"x":[1,2]})"));
  EXPECT_EQ(decoded.op.document_key, bson(R"({"_id":1})"));
  EXPECT_EQ(decoded.op.first_time, (OpTime{5, 6}));

  const std::string replace = event("replace", R"(,"fullDocument":{"_id":1})");
  EXPECT_EQ(decode_event(replace).op.kind, OpKind::kReplace);
  const std::string remove = event("delete", "");
  EXPECT_EQ(decode_event(remove).op.kind, OpKind::kDelete);
}

TEST(EventDecode, UpdatesAreDeltasWhereExactElseTouches) {
  const std::string exact = event("update", R"(,"updateDescription":{"updatedFields":{"a":1},"removedFields":[],)"
                                            R"("truncatedArrays":[],"disambiguatedPaths":{}})");
  EXPECT_EQ(decode_event(exact).op.kind, OpKind::kDelta);
  const std::string array =
      event("update", R"(,"updateDescription":{"updatedFields":{"a.0":1},"removedFields":[],"disambiguatedPaths":{}})");
  EXPECT_EQ(decode_event(array).op.kind, OpKind::kTouch);
  EXPECT_TRUE(decode_event(array).op.payload.empty());
  const std::string bare = event("update", "");
  EXPECT_EQ(decode_event(bare).kind, Kind::kDocument);
  EXPECT_EQ(decode_event(bare).op.kind, OpKind::kTouch);
}

TEST(EventDecode, AnUpdateWithItsPostImageIsTheWholeDocument) {
  const std::string bytes =
      event("update", R"(,"fullDocument":{"_id":1,"a":[7]},"updateDescription":)"
                      R"({"updatedFields":{"a.0":7},"removedFields":[],"disambiguatedPaths":{}})");
  const DecodedEvent decoded = decode_event(bytes);
  EXPECT_EQ(decoded.op.kind, OpKind::kReplace);
  EXPECT_EQ(decoded.op.payload, test::bson(R"({"_id":1,"a":[7]})"));
  const std::string none = event("update", R"(,"fullDocument":null,"updateDescription":)"
                                           R"({"updatedFields":{"a":1},"removedFields":[],"disambiguatedPaths":{}})");
  EXPECT_EQ(decode_event(none).op.kind, OpKind::kDelta) << "no image was kept";
}

TEST(EventDecode, AnInsertWithoutItsDocumentIsATouch) {
  for (const char* rest : {"", R"(,"fullDocument":null)", R"(,"fullDocument":{"x":1})"}) {
    const std::string bytes = event("insert", rest);
    const DecodedEvent decoded = decode_event(bytes);
    EXPECT_EQ(decoded.kind, Kind::kDocument) << rest;
    EXPECT_EQ(decoded.op.kind, OpKind::kTouch) << rest;
  }
}

// As MongoDB 8 sends it with expanded events behind each transaction; it must not make the whole scope dirty.
TEST(EventDecode, TheEndOfATransactionIsNothingToMirror) {
  const std::string end = bson(R"({"operationType":"endOfTransaction","clusterTime":{"$timestamp":{"t":10,"i":1}},)"
                               R"("txnNumber":1,"lsid":{"id":1}})");
  EXPECT_EQ(decode_event(end).kind, Kind::kNothing);
}

TEST(EventDecode, WhatIsNotUnderstoodSaysWhatIsStillKnown) {
  const std::string unknown = event("mutateAll", "");
  DecodedEvent decoded = decode_event(unknown);
  EXPECT_EQ(decoded.kind, Kind::kMalformed);
  EXPECT_EQ(decoded.op.kind, OpKind::kTouch);
  EXPECT_EQ(decoded.op.document_key, bson(R"({"_id":1})"));

  const std::string no_key = event("delete", "", "");
  decoded = decode_event(no_key);
  EXPECT_EQ(decoded.kind, Kind::kMalformed);
  EXPECT_TRUE(decoded.op.document_key.empty());
  EXPECT_EQ(decoded.op.collection, "bills");

  const std::string no_type = bson(R"({"ns":{"db":"shop","coll":"bills"},"documentKey":{"_id":1}})");
  EXPECT_EQ(decode_event(no_type).kind, Kind::kMalformed);
  const std::string wrong_types = bson(R"({"operationType":5,"ns":"shop","documentKey":[1]})");
  EXPECT_EQ(decode_event(wrong_types).kind, Kind::kMalformed);
  EXPECT_EQ(decode_event("").kind, Kind::kMalformed);
  EXPECT_EQ(decode_event("rubbish that is no BSON").kind, Kind::kMalformed);
}

TEST(EventDecode, EveryTruncationOfAnEventIsSurvived) {
  const std::string whole = event(
      "update", R"(,"updateDescription":{"updatedFields":{"a.b":1},"removedFields":["c"],"disambiguatedPaths":{}})");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_EQ(decode_event(std::string_view(whole).substr(0, length)).kind, Kind::kMalformed) << length;
  }
}

TEST(EventDecode, EveryFlippedByteIsSurvived) {
  const std::string whole = event("insert", R"(,"fullDocument":{"_id":1,"x":{"y":[1,"z"]}})");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const int bit : {1, 16, 128}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ bit);
      const DecodedEvent decoded = decode_event(damaged);
      if (decoded.kind == Kind::kDocument) {
        EXPECT_FALSE(decoded.op.document_key.empty());
      }
    }
  }
}

TEST(DdlEvent, RenameNamesBothSidesAndWhatItConcerns) {
  const std::string bytes =
      event("rename",
            R"(,"to":{"db":"shop","coll":"old"},"operationDescription":{"to":{"db":"shop","coll":"old"},)"
            R"("dropTarget":{"$uuid":"7a6b35a1-0d2c-4f2b-9c5e-0a5f1c2d3e4f"}})",
            "");
  const DecodedEvent decoded = decode_event(bytes);
  ASSERT_EQ(decoded.kind, Kind::kDdl);
  const auto ddl = parse_ddl_event(decoded.op.payload);
  ASSERT_TRUE(ddl.ok());
  EXPECT_EQ(ddl->type, DdlEvent::Type::kRename);
  EXPECT_EQ(ddl->to, (Namespace{"shop", "old"}));
  EXPECT_TRUE(ddl->drops_target);
  EXPECT_EQ(ddl->concerns().size(), 2U);
}

TEST(DdlEvent, DropDatabaseConcernsAllOfIt) {
  const std::string bytes =
      bson(R"({"operationType":"dropDatabase","clusterTime":{"$timestamp":{"t":1,"i":1}},"ns":{"db":"shop"}})");
  ASSERT_EQ(decode_event(bytes).kind, Kind::kDdl);
  EXPECT_EQ(parse_ddl_event(bytes)->concerns(), (std::vector<Namespace>{{"shop", ""}}));
}

TEST(DdlEvent, IndexDefinitionsAreTakenAsTheyCame) {
  const std::string bytes =
      event("createIndexes", R"(,"operationDescription":{"indexes":[{"v":2,"key":{"a":1},"name":"a_1"}]})", "");
  const auto ddl = parse_ddl_event(bytes);
  ASSERT_TRUE(ddl.ok());
  EXPECT_EQ(index_definitions(*ddl), (std::vector<std::string>{bson(R"({"v":2,"key":{"a":1},"name":"a_1"})")}));
}

}  // namespace
}  // namespace dualsync
