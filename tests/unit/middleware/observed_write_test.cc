#include "dualsync/middleware/observed_write.h"

#include <gtest/gtest.h>

#include "support/bson_literal.h"

namespace dualsync {
namespace {

// "shop.bills:<key as JSON>" for each document, "shop.bills" for each range.
std::vector<std::string> shown(const ReportedChanges& changes) {
  std::vector<std::string> all;
  for (const auto& one : changes.documents) all.push_back(one.ns.full() + to_json(one.document_key));
  for (const Namespace& ns : changes.ranges) all.push_back(ns.full());
  return all;
}

std::string key(const std::string& id) { return "shop.bills" + to_json(test::id_key(id)); }

ObservedWrite observed(const std::string& command, const char* database = "shop") {
  const std::string bytes = test::bson(command);
  bson_iter_t name;
  DUALSYNC_CHECK(iterate_bson(bytes, &name) && bson_iter_next(&name));
  auto write = observe_write(bson_iter_key(&name), database, bytes);
  DUALSYNC_CHECK(write.has_value());
  return *write;
}

std::vector<std::string> changes(const std::string& command, const std::string& reply) {
  return shown(changes_of(observed(command), test::bson(reply)));
}

using Shown = std::vector<std::string>;

TEST(ObservedWrite, AnInsertNamesItsDocuments) {
  const char* two = R"({"insert":"bills","documents":[{"_id":1},{"v":2,"_id":"b"}]})";
  EXPECT_EQ(changes(two, R"({"n":2,"ok":1})"), (Shown{key("1"), key("\"b\"")}));
  EXPECT_EQ(changes(R"({"insert":"bills","documents":[{"v":1}]})", R"({"n":1,"ok":1})"), Shown{"shop.bills"})
      << "an _id that the server made";
}

TEST(ObservedWrite, ARefusedInsertChangedNothing) {
  const std::string three = R"({"insert":"bills","documents":[{"_id":1},{"_id":2},{"_id":3}])";
  const char* second = R"({"n":1,"ok":1,"writeErrors":[{"index":1,"code":11000}]})";
  EXPECT_EQ(changes(three + "}", second), Shown{key("1")}) << "ordered: the third was not tried";
  EXPECT_EQ(changes(three + R"(,"ordered":false})", second), (Shown{key("1"), key("3")}));
}

TEST(ObservedWrite, AnUpdateByIdNamesIt) {
  const char* one = R"({"update":"bills","updates":[{"q":{"_id":1},"u":{"$set":{"v":1}}}]})";
  EXPECT_EQ(changes(one, R"({"n":1,"nModified":1,"ok":1})"), Shown{key("1")});
  EXPECT_EQ(changes(one, R"({"n":1,"nModified":0,"ok":1})"), Shown{}) << "it was like that";
  EXPECT_EQ(changes(one, R"({"n":0,"nModified":0,"ok":1})"), Shown{});
  const char* many = R"({"update":"bills","updates":[{"q":{"_id":{"$in":[1,2]}},"u":{"$inc":{"v":1}},"multi":true}]})";
  EXPECT_EQ(changes(many, R"({"n":2,"nModified":2,"ok":1})"), (Shown{key("1"), key("2")}));
}

TEST(ObservedWrite, AnUpdateByAnythingElseIsARange) {
  const char* one = R"({"update":"bills","updates":[{"q":{"v":1},"u":{"$set":{"v":2}}}]})";
  EXPECT_EQ(changes(one, R"({"n":1,"nModified":1,"ok":1})"), Shown{"shop.bills"});
  EXPECT_EQ(changes(one, R"({"n":0,"nModified":0,"ok":1})"), Shown{});
  const char* both = R"({"update":"bills","updates":[{"q":{"v":1},"u":{"v":2}},{"q":{"_id":3},"u":{"v":2}}]})";
  EXPECT_EQ(changes(both, R"({"n":2,"nModified":2,"ok":1})"), (Shown{key("3"), "shop.bills"}));
  const char* text =
      R"({"update":"bills","updates":[{"q":{"_id":"a"},"u":{"v":2},"collation":{"locale":"en","strength":2}}]})";
  EXPECT_EQ(changes(text, R"({"n":1,"nModified":1,"ok":1})"), Shown{"shop.bills"});
}

TEST(ObservedWrite, AnUpsertIsNamedByTheReply) {
  const char* one = R"({"update":"bills","updates":[{"q":{"v":1},"u":{"$set":{"v":2}},"upsert":true}]})";
  EXPECT_EQ(changes(one, R"({"n":1,"nModified":0,"upserted":[{"index":0,"_id":7}],"ok":1})"), Shown{key("7")});
  const char* two =
      R"({"update":"bills","updates":[{"q":{"_id":5},"u":{"v":1}},{"q":{"v":1},"u":{"v":2},"upsert":true}]})";
  EXPECT_EQ(changes(two, R"({"n":1,"nModified":0,"upserted":[{"index":1,"_id":8}],"ok":1})"), Shown{key("8")})
      << "nothing was modified but what was upserted";
}

TEST(ObservedWrite, ARefusedUpdateOfManyMayBeHalfDone) {
  const char* many = R"({"update":"bills","updates":[{"q":{"_id":{"$in":[1,2]}},"u":{"$inc":{"v":1}},"multi":true},
                                                     {"q":{"_id":3},"u":{"v":1}}]})";
  const char* failed = R"({"n":0,"nModified":0,"ok":1,"writeErrors":[{"index":0,"code":11000}]})";
  EXPECT_EQ(changes(many, failed), (Shown{key("1"), key("2")}));
}

TEST(ObservedWrite, ADelete) {
  const char* one = R"({"delete":"bills","deletes":[{"q":{"_id":1},"limit":1}]})";
  EXPECT_EQ(changes(one, R"({"n":1,"ok":1})"), Shown{key("1")});
  EXPECT_EQ(changes(one, R"({"n":0,"ok":1})"), Shown{});
  const char* many = R"({"delete":"bills","deletes":[{"q":{"v":1},"limit":0}]})";
  EXPECT_EQ(changes(many, R"({"n":3,"ok":1})"), Shown{"shop.bills"});
  EXPECT_EQ(changes(many, R"({"n":0,"ok":1})"), Shown{});
}

TEST(ObservedWrite, AFindAndModifyIsNamedByItsReply) {
  const std::string by_value = R"({"findAndModify":"bills","query":{"v":1},"update":{"$set":{"v":2}})";
  const char* found = R"({"value":{"_id":4,"v":1},"lastErrorObject":{"n":1,"updatedExisting":true},"ok":1})";
  EXPECT_EQ(changes(by_value + "}", found), Shown{key("4")});
  EXPECT_EQ(changes(by_value + R"(,"fields":{"v":1,"_id":1}})", found), Shown{key("4")});
  EXPECT_EQ(changes(by_value + R"(,"fields":{"_id":"$other"}})", found), Shown{"shop.bills"})
      << "an _id of the projection's making";
  const char* hidden = R"({"value":{"v":1},"lastErrorObject":{"n":1,"updatedExisting":true},"ok":1})";
  EXPECT_EQ(changes(by_value + R"(,"fields":{"_id":0}})", hidden), Shown{"shop.bills"});
  const char* upserted = R"({"value":null,"lastErrorObject":{"n":1,"updatedExisting":false,"upserted":9},"ok":1})";
  EXPECT_EQ(changes(by_value + R"(,"upsert":true})", upserted), Shown{key("9")});
  const char* none = R"({"value":null,"lastErrorObject":{"n":0,"updatedExisting":false},"ok":1})";
  EXPECT_EQ(changes(by_value + "}", none), Shown{});
  const char* removed = R"({"findAndModify":"bills","query":{"v":1},"remove":true})";
  EXPECT_EQ(changes(removed, R"({"value":{"_id":4},"lastErrorObject":{"n":1},"ok":1})"), Shown{key("4")});
}

TEST(ObservedWrite, CommandsOfOldSpelling) {
  const char* found = R"({"value":{"_id":4},"lastErrorObject":{"n":1},"ok":1})";
  EXPECT_EQ(changes(R"({"findandmodify":"bills","query":{"v":1},"update":{"v":2}})", found), Shown{key("4")});
  EXPECT_EQ(changes(R"({"mapreduce":"a","out":"b"})", R"({"ok":1})"), Shown{"shop.b"});
}

TEST(ObservedWrite, ABulkWriteOverSeveralCollections) {
  const char* bulk = R"({"bulkWrite":1,"nsInfo":[{"ns":"shop.bills"},{"ns":"shop.goods"}],"ops":[
      {"insert":0,"document":{"_id":1}},{"update":1,"filter":{"v":1},"updateMods":{"$set":{"v":2}},"multi":true},
      {"delete":0,"filter":{"_id":2},"multi":false},
      {"update":0,"filter":{"v":5},"updateMods":{"v":6},"upsert":true}]})";
  const char* reply = R"({"ok":1,"nErrors":0,"nInserted":1,"nModified":1,"nDeleted":1,"nUpserted":1,"cursor":{"id":0,
      "firstBatch":[{"ok":1,"idx":3,"n":1,"upserted":{"_id":3}}]}})";
  EXPECT_EQ(changes(bulk, reply), (Shown{key("1"), key("2"), key("3"), "shop.goods"}));
  EXPECT_EQ(changes(bulk, R"({"ok":1,"nErrors":0,"nInserted":0,"nModified":0,"nDeleted":0,"nUpserted":0})"), Shown{});
  const char* failed = R"({"ok":1,"nErrors":1,"nInserted":0,"cursor":{"firstBatch":[{"ok":0,"idx":0,"code":11000}]}})";
  EXPECT_EQ(changes(bulk, failed), Shown{}) << "ordered: nothing after the first was tried";
}

TEST(ObservedWrite, WhatChangesCollectionsIsARange) {
  const auto whole = [](const std::string& command, const char* db = "shop") {
    return shown(changes_of(observed(command, db), test::bson(R"({"ok":1})")));
  };
  EXPECT_EQ(whole(R"({"drop":"bills"})"), Shown{"shop.bills"});
  EXPECT_EQ(whole(R"({"dropDatabase":1})"), Shown{"shop"});
  EXPECT_EQ(whole(R"({"convertToCapped":"bills","size":1})"), Shown{"shop.bills"});
  EXPECT_EQ(whole(R"({"renameCollection":"shop.a","to":"other.b"})", "admin"), (Shown{"shop.a", "other.b"}));
  EXPECT_EQ(whole(R"({"aggregate":"a","pipeline":[{"$match":{}},{"$out":"b"}]})"), Shown{"shop.b"});
  EXPECT_EQ(whole(R"({"aggregate":"a","pipeline":[{"$out":{"db":"x","coll":"y"}}]})"), Shown{"x.y"});
  EXPECT_EQ(whole(R"({"aggregate":1,"pipeline":[{"$merge":"b"}]})"), Shown{"shop.b"});
  EXPECT_EQ(whole(R"({"aggregate":"a","pipeline":[{"$merge":{"into":{"db":"x","coll":"y"},"on":"_id"}}]})"),
            Shown{"x.y"});
  EXPECT_EQ(whole(R"({"mapReduce":"a","out":"b"})"), Shown{"shop.b"});
  EXPECT_EQ(whole(R"({"mapReduce":"a","out":{"merge":"b","db":"x"}})"), Shown{"x.b"});
}

TEST(ObservedWrite, WhatReadsIsNone) {
  for (const char* command :
       {R"({"find":"bills","filter":{"_id":1}})", R"({"aggregate":"a","pipeline":[{"$match":{}}]})",
        R"({"aggregate":"a","pipeline":[]})", R"({"mapReduce":"a","out":{"inline":1}})", R"({"ping":1})",
        R"({"createIndexes":"bills","indexes":[]})", R"({"getMore":{"$numberLong":"5"},"collection":"bills"})",
        R"({"commitTransaction":1})"}) {
    const std::string bytes = test::bson(command);
    bson_iter_t name;
    ASSERT_TRUE(iterate_bson(bytes, &name) && bson_iter_next(&name));
    EXPECT_FALSE(observe_write(bson_iter_key(&name), "shop", bytes)) << command;
  }
}

TEST(ObservedWrite, WithoutAnAnswerEverythingMayHaveChanged) {
  const auto write =
      observed(R"({"update":"bills","updates":[{"q":{"_id":1},"u":{"v":1}},{"q":{"v":1},"u":{"v":2}}]})");
  EXPECT_EQ(shown(possible_changes_of(write)), (Shown{key("1"), "shop.bills"}));
}

TEST(ObservedWrite, TransactionsAndConcerns) {
  const auto in = observed(R"({"insert":"bills","documents":[{"_id":1}],"lsid":{"id":5},"txnNumber":{"$numberLong":"3"},
                               "autocommit":false,"startTransaction":true})");
  ASSERT_TRUE(in.transaction);
  EXPECT_EQ(in.transaction->number, 3);
  const std::string end = test::bson(R"({"commitTransaction":1,"lsid":{"id":5},"txnNumber":{"$numberLong":"3"},
                                          "autocommit":false})");
  const auto commit = observe_end("commitTransaction", end);
  ASSERT_TRUE(commit && commit->commit);
  EXPECT_EQ(commit->transaction, *in.transaction);
  EXPECT_FALSE(observe_end("abortTransaction", end)->commit);
  EXPECT_FALSE(observe_end("insert", end));
  const auto retryable =
      observed(R"({"insert":"bills","documents":[],"lsid":{"id":5},"txnNumber":{"$numberLong":"3"}})");
  EXPECT_FALSE(retryable.transaction);
  EXPECT_TRUE(retryable.acknowledged);
  EXPECT_FALSE(observed(R"({"insert":"bills","documents":[],"writeConcern":{"w":0}})").acknowledged);
  EXPECT_TRUE(observed(R"({"insert":"bills","documents":[],"writeConcern":{"w":"majority"}})").acknowledged);
}

}  // namespace
}  // namespace dualsync
