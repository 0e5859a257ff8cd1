// Schema changes as the stream tells them, on a backup in memory. What a real server does with each is in
// tests/contract and tests/e2e.
#include "dualsync/pipeline/ddl_applier.h"

#include <gtest/gtest.h>

#include "dualsync/model/archive_name.h"
#include "support/bson_literal.h"
#include "support/names.h"
#include "support/pipeline_fixture.h"

namespace dualsync {
namespace {

using test::bson;
using test::document;
using test::id_key;
using test::make_ddl;
using Type = CollectionInfo::Type;

const Namespace kOld{"shop", "old"};
const Namespace kView{"shop", "view"};
constexpr const char* kUuid = R"(,"collectionUUID":{"$binary":{"base64":"YWFhYWFhYWFhYWFhYWFhYQ==","subType":"04"}})";
const std::string kUuidBytes(16, 'a');

std::string described(const std::string& json) { return R"(,"operationDescription":)" + json; }
std::string index_json(const std::string& name, const std::string& rest = "") {
  return R"({"v":2,"key":{")" + name + R"(":1},"name":")" + name + R"(_1")" + rest + "}";
}

class DdlApplierTest : public test::PipelineFixture {
 protected:
  void SetUp() override {
    PipelineFixture::SetUp();
    pipeline_.retries_max = 0;
    for (test::FakeServer* server : {&local_, &backup_}) {
      server->make(kBills, kUuidBytes);
      server->put(kBills, document("1", 1));
      server->indexes[kBills] = {bson(index_json("a"))};
      server->make(kView, "", bson(R"({"viewOn": "bills", "pipeline": []})"), Type::kView);
    }
  }

  Operation change(const std::string& type, const Namespace& ns, const std::string& rest) {
    return make_ddl(type, ns, {++seconds_, 1}, rest);
  }
  void apply(const Operation& op) {
    append({op});
    PipelineContext shared = context();
    DdlApplier applier(shared);
    std::stop_source stopped;
    stopped.request_stop();
    ASSERT_TRUE(applier.step(stopped.get_token()).ok());
  }
  std::vector<std::string> archives() const {
    std::vector<std::string> found;
    for (const auto& [ns, documents] : backup_.data) {
      if (is_archive_name(ns.collection)) found.push_back(ns.collection);
    }
    return found;
  }
  std::vector<Namespace> dirty() const {
    std::vector<Namespace> found;
    for (const DirtyRange& range : queue_->dirty_ranges()) found.push_back(range.ns);
    return found;
  }
  std::vector<std::string> backup_indexes(const Namespace& ns) {
    std::vector<std::string> names;
    for (const std::string& index : backup_.indexes[ns]) names.push_back(index_name(index));
    return names;
  }
  std::uint64_t letters() const { return queue_->stats().dead_letters; }

  std::uint32_t seconds_ = 20;
};

// What is on the backup, in a form that can be compared and printed.
std::string picture(const test::FakeServer& server) {
  std::string text;
  for (const auto& [ns, documents] : server.data) {
    const CollectionInfo info = server.info_of(ns);
    text += ns.full() + " type " + std::to_string(static_cast<int>(info.type)) + " options " +
            (info.options.empty() ? "" : to_json(info.options)) + "\n";
    for (const auto& [key, content] : documents) text += "  " + to_json(content) + "\n";
    const auto indexes = server.indexes.find(ns);
    if (indexes == server.indexes.end()) continue;
    for (const std::string& index : indexes->second) text += "  " + to_json(index) + "\n";
  }
  return text;
}

struct Repeated {
  const char* name;
  const char* type;
  const char* collection;
  std::string rest;
};

class RepeatedDdlTest : public DdlApplierTest, public ::testing::WithParamInterface<Repeated> {};

TEST_P(RepeatedDdlTest, LeavesTheSame) {
  const Repeated& what = GetParam();
  const Operation op = change(what.type, {"shop", what.collection}, what.rest);
  const std::string before = picture(backup_);
  apply(op);
  const std::string once = picture(backup_);
  EXPECT_NE(once, before) << "it does something";
  apply(op);
  EXPECT_EQ(picture(backup_), once);
  EXPECT_EQ(letters(), 0U);
  for (const DirtyRange& range : queue_->dirty_ranges())
    EXPECT_TRUE(range.ns.collection == what.collection || range.ns == kOld) << "comparing what it concerns is no harm";
}

INSTANTIATE_TEST_SUITE_P(
    Each, RepeatedDdlTest,
    ::testing::Values(Repeated{"create", "create", "new", kUuid + described(R"({"validator":{"a":1}})")},
                      Repeated{"createView", "create", "look", described(R"({"viewOn":"bills","pipeline":[]})")},
                      Repeated{"createIndexes", "createIndexes", "bills",
                               kUuid + described(R"({"indexes":[)" + index_json("b") + "]}")},
                      Repeated{"dropIndexes", "dropIndexes", "bills",
                               kUuid + described(R"({"indexes":[)" + index_json("a") + "]}")},
                      Repeated{"modify", "modify", "bills", kUuid + described(R"({"validator":{"a":1}})")},
                      Repeated{"rename", "rename", "bills", std::string(kUuid) + R"(,"to":{"db":"shop","coll":"old"})"},
                      Repeated{"drop", "drop", "bills", kUuid}, Repeated{"dropView", "drop", "view", ""},
                      Repeated{"dropDatabase", "dropDatabase", "", ""}),
    [](const auto& one) { return std::string(one.param.name); });

TEST_F(DdlApplierTest, ACollModThatDoesNotSayWhatItChangedIsLookedUpOnLocal) {
  local_.make(kBills, kUuidBytes, bson(R"({"validator": {"a": 1}})"));
  local_.indexes[kBills] = {bson(index_json("b"))};
  apply(change("modify", kBills, kUuid + described("{}")));
  EXPECT_EQ(backup_.info_of(kBills).options, bson(R"({"validator": {"a": 1}})"));
  EXPECT_EQ(backup_indexes(kBills), std::vector<std::string>{"b_1"});
  EXPECT_TRUE(dirty().empty()) << "its documents need not be read";
  EXPECT_TRUE(backup_.get(kBills, id_key("1")));
}

TEST_F(DdlApplierTest, OneThatSaysWhatNobodyKnowsAsWell) {
  local_.make(kBills, kUuidBytes, bson(R"({"validator": {"a": 1}})"));
  apply(change("modify", kBills, kUuid + described(R"({"somethingNew": 1})")));
  EXPECT_EQ(backup_.info_of(kBills).options, bson(R"({"validator": {"a": 1}})"));
}

TEST_F(DdlApplierTest, AViewThatWasChangedIsReplaced) {
  const std::string changed = bson(R"({"viewOn": "bills", "pipeline": [{"$match": {"a": 2}}]})");
  local_.make(kView, "", changed, Type::kView);
  apply(change("modify", kView, described("{}")));
  EXPECT_EQ(backup_.info_of(kView).options, changed);
}

TEST_F(DdlApplierTest, WhatLocalHasNoMoreUnderThatNameIsCompared) {
  local_.make(kBills, std::string(16, 'b'));
  apply(change("modify", kBills, kUuid + described("{}")));
  EXPECT_EQ(dirty(), std::vector<Namespace>{kBills});
  local_.down = true;
  apply(change("modify", kView, described("{}")));
  EXPECT_EQ(dirty(), (std::vector<Namespace>{kBills, kView}));
  EXPECT_EQ(letters(), 0U);
  EXPECT_TRUE(breaker_.closed()) << "local's absence says nothing of the backup";
}

TEST_F(DdlApplierTest, ACollModWithoutTheRightIsADeadLetterAndHoldsUpNothing) {
  backup_.refuses["modify shop.bills"] = {ErrorKind::kDenied, "not authorized", "", 13};
  apply(change("modify", kBills, kUuid + described(R"({"validator":{"a":1}})")));
  EXPECT_EQ(letters(), 1U);
  EXPECT_EQ(dirty(), std::vector<Namespace>{kBills});
  EXPECT_TRUE(breaker_.closed());
  apply(change("createIndexes", kBills, kUuid + described(R"({"indexes":[)" + index_json("b") + "]}")));
  EXPECT_EQ(backup_indexes(kBills), (std::vector<std::string>{"a_1", "b_1"}));
}

TEST_F(DdlApplierTest, AWrongPasswordIsNoRefusalOfAChange) {
  backup_.refuses["modify shop.bills"] = {ErrorKind::kDenied, "authentication failed", "", 18};
  apply(change("modify", kBills, kUuid + described(R"({"validator":{"a":1}})")));
  EXPECT_EQ(letters(), 0U);
  EXPECT_EQ(queue_->stats().operations, 1U) << "it waits";
}

TEST_F(DdlApplierTest, ARefusedIndexIsOwed) {
  backup_.refuses["index shop.bills"] = {ErrorKind::kRefused, "cannot create index", "", 67};
  apply(change("createIndexes", kBills, kUuid + described(R"({"indexes":[)" + index_json("b") + "]}")));
  EXPECT_EQ(letters(), 0U);
  EXPECT_TRUE(dirty().empty());
  EXPECT_EQ(queue_->stats().operations, 0U);
  PipelineContext shared = context();
  IndexSync indexes(shared);
  auto owed = indexes.retry_owed();
  ASSERT_TRUE(owed.ok());
  EXPECT_EQ(*owed, (std::vector<OwedIndex>{{kBills, "b_1", "cannot create index"}}));
  backup_.refuses.clear();
  owed = IndexSync(shared).retry_owed();
  EXPECT_TRUE(owed.ok() && owed->empty());
  EXPECT_EQ(backup_indexes(kBills), (std::vector<std::string>{"a_1", "b_1"}));
}

TEST_F(DdlApplierTest, AnIndexOfTheSameKeyUnderAnotherNameGoes) {
  backup_.indexes[kBills] = {bson(R"({"v":2,"key":{"b":1.0},"name":"by_hand"})")};
  local_.indexes[kBills] = {bson(index_json("b"))};
  apply(change("createIndexes", kBills, kUuid + described(R"({"indexes":[)" + index_json("b") + "]}")));
  EXPECT_EQ(backup_indexes(kBills), std::vector<std::string>{"b_1"});
  EXPECT_EQ(letters(), 0U);
}

TEST_F(DdlApplierTest, AViewWhereLocalCreatesACollectionIsDropped) {
  local_.make(kView, kUuidBytes);
  apply(change("create", kView, kUuid + described("{}")));
  EXPECT_EQ(backup_.info_of(kView).type, Type::kCollection);
  EXPECT_TRUE(archives().empty());
}

TEST_F(DdlApplierTest, KeepLeavesWhatIsDroppedUntilItsNameIsNeeded) {
  pipeline_.on_drop = OnDrop::kKeep;
  apply(change("drop", kBills, kUuid));
  EXPECT_TRUE(backup_.get(kBills, id_key("1"))) << "left as it was";
  EXPECT_TRUE(archives().empty());
  const std::string other = R"(,"collectionUUID":{"$binary":{"base64":"YmJiYmJiYmJiYmJiYmJiYg==","subType":"04"}})";
  apply(change("create", kBills, other + described("{}")));
  EXPECT_TRUE(backup_.documents(kBills).empty());
  ASSERT_EQ(archives().size(), 1U);
  EXPECT_TRUE(backup_.get({"shop", archives().front()}, id_key("1")));
  EXPECT_TRUE(dirty().empty());
}

TEST_F(DdlApplierTest, KeepArchivesWhatARenameReplaces) {
  pipeline_.on_drop = OnDrop::kKeep;
  backup_.make(kOld, "");
  backup_.put(kOld, document("7", 7));
  apply(change("rename", kBills, std::string(kUuid) + R"(,"to":{"db":"shop","coll":"old"})"));
  EXPECT_TRUE(backup_.get(kOld, id_key("1")));
  ASSERT_EQ(archives().size(), 1U);
  EXPECT_TRUE(backup_.get({"shop", archives().front()}, id_key("7")));
}

}  // namespace
}  // namespace dualsync
