// What the backup refuses of a namespace's schema keeps neither its documents nor other namespaces from it.
#include "dualsync/pipeline/schema_repair.h"

#include <gtest/gtest.h>

#include "dualsync/model/archive_name.h"
#include "dualsync/pipeline/full_sync.h"
#include "dualsync/pipeline/setbacks.h"
#include "support/bson_literal.h"
#include "support/fake_clock.h"
#include "support/names.h"
#include "support/pipeline_fixture.h"

namespace dualsync {
namespace {

using test::bson;
using test::document;
using test::id_key;
using Names = std::vector<std::string>;
using Type = CollectionInfo::Type;

std::string index(const std::string& name, const std::string& key, const std::string& rest = "") {
  return bson(R"({"v":2,"key":)" + key + R"(,"name":")" + name + "\"" + rest + "}");
}

class SchemaRepairTest : public test::PipelineFixture {
 protected:
  void SetUp() override {
    PipelineFixture::SetUp();
    append({}, {10, 1});
  }

  void repair(const std::vector<Namespace>& namespaces, bool keep_extra = false) {
    for (const Namespace& ns : namespaces) {
      DirtyRange range{ns, "test", {9, 1}, false, ""};
      range.keep_extra = keep_extra;
      ASSERT_TRUE(queue_->mark_dirty(range).ok());
    }
    steps();
  }
  // Enough to look, and to let the look count.
  void steps() {
    PipelineContext shared = context();
    FullSync sync(shared);
    for (int i = 0; i < 4; ++i) {
      auto worked = sync.step({}, {});
      if (!worked) last_error_ = worked.error().message;
    }
    owed_ = sync.owed_indexes();
  }
  Names backup_indexes(const Namespace& ns) {
    Names names;
    for (const std::string& definition : backup_.indexes[ns]) names.push_back(index_name(definition));
    return names;
  }
  std::uint64_t dirty() const { return queue_->stats().dirty_ranges; }
  std::uint64_t letters() const { return queue_->stats().dead_letters; }
  Names archives() const {
    Names found;
    for (const auto& [ns, documents] : backup_.data) {
      if (is_archive_name(ns.collection)) found.push_back(ns.collection);
    }
    return found;
  }

  std::string last_error_;
  std::vector<OwedIndex> owed_;
};

TEST_F(SchemaRepairTest, ARefusedNamespaceKeepsNoOtherFromTheBackup) {
  for (const Namespace& ns : {kBills, kItems}) {
    local_.make(ns, std::string(16, 'a'));
    for (int i = 0; i < 3; ++i) local_.put(ns, document(std::to_string(i), i));
  }
  // The whole command is refused, which no dead letter of a document settles.
  backup_.refuse_command = true;
  backup_.refused.insert(document("1", 1));
  local_.data[kItems].erase(id_key("1"));
  repair({kBills, kItems});
  EXPECT_EQ(backup_.documents(kItems).size(), 2U);
  ASSERT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_EQ(queue_->dirty_ranges().front().ns, kBills);
  EXPECT_EQ(last_error_, "");
}

TEST_F(SchemaRepairTest, ARefusedCreationIsADeadLetterAndTheDocumentsGoOn) {
  local_.make(kBills, std::string(16, 'a'), bson(R"({"validator": {"a": 1}})"));
  local_.put(kBills, document("1", 1));
  backup_.refuses["create shop.bills"] = {ErrorKind::kUnsupported, "not on this tier", "", 8000};
  backup_.refuses["modify shop.bills"] = {ErrorKind::kDenied, "not authorized", "", 13};
  repair({kBills});
  EXPECT_TRUE(backup_.get(kBills, id_key("1")));
  EXPECT_EQ(dirty(), 0U);
  ASSERT_EQ(letters(), 2U) << "one for the creation, one for the option";
  EXPECT_EQ(queue_->dead_letters(1)->front().change, "create");
  EXPECT_EQ(queue_->dead_letters(1)->front().reason, "not on this tier");
  // Again, by later comparisons: the same letters, not more. Then the backup takes it.
  repair({kBills});
  repair({kBills});
  EXPECT_EQ(letters(), 2U);
  EXPECT_EQ(dirty(), 0U);
  backup_.refuses.clear();
  repair({kBills});
  EXPECT_EQ(letters(), 0U) << "the backup has it now";
  EXPECT_EQ(backup_.info_of(kBills).options, local_.info_of(kBills).options);
}

TEST_F(SchemaRepairTest, WhatCannotBeThereAtAllEndsAsADeadLetter) {
  local_.make(kBills, std::string(16, 'a'), bson(R"({"validator": {"a": 1}})"));
  local_.put(kBills, document("1", 1));
  local_.make(kItems, std::string(16, 'b'));
  local_.put(kItems, document("1", 1));
  backup_.refuses["create shop.bills"] = {ErrorKind::kUnsupported, "too many collections", "", 8000};
  backup_.refuses["create shop.bills, plain"] = backup_.refuses["create shop.bills"];
  repair({kBills, kItems});
  EXPECT_EQ(dirty(), 0U);
  EXPECT_EQ(letters(), 1U);
  EXPECT_TRUE(backup_.get(kItems, id_key("1")));
}

// Otherwise a mirror that was started before its user had any right would never copy a thing, and `wait` would return.
TEST_F(SchemaRepairTest, WhoMayNotCreateAnythingIsAskedAgain) {
  local_.make(kBills, std::string(16, 'a'), "");
  local_.put(kBills, document("1", 1));
  backup_.refuses["create shop.bills"] = {ErrorKind::kDenied, "not authorized", "", 13};
  backup_.refuses["create shop.bills, plain"] = backup_.refuses["create shop.bills"];
  repair({kBills});
  EXPECT_EQ(dirty(), 1U);
  EXPECT_EQ(letters(), 0U);
}

TEST_F(SchemaRepairTest, OptionsThatMayNotBeChangedDoNotStopTheDocuments) {
  local_.make(kBills, std::string(16, 'a'), bson(R"({"validator": {"a": 1}})"));
  local_.put(kBills, document("1", 1));
  backup_.make(kBills, "");
  backup_.put(kBills, document("1", 2));
  backup_.refuses["modify shop.bills"] = {ErrorKind::kDenied, "not authorized", "", 13};
  repair({kBills});
  EXPECT_EQ(take().size(), 1U) << "the document that differs is sent";
  EXPECT_EQ(dirty(), 0U);
  EXPECT_EQ(letters(), 1U);
}

TEST_F(SchemaRepairTest, EveryRefusedIndexIsOwedWithItsReason) {
  local_.make(kBills, std::string(16, 'a'));
  local_.put(kBills, document("1", 1));
  local_.indexes[kBills] = {index("t", R"({"t":"text"})"), index("u", R"({"u":1})", R"(,"unique":true)")};
  backup_.refuses["index shop.bills"] = {ErrorKind::kRefused, "cannot create index", "", 67};
  repair({kBills});
  EXPECT_EQ(dirty(), 0U);
  EXPECT_TRUE(backup_.get(kBills, id_key("1")));
  steps();
  const std::string why = "cannot create index";
  EXPECT_EQ(owed_, (std::vector<OwedIndex>{{kBills, "t", why}, {kBills, "u", why}}));
  // Local drops one while nobody looks: it is owed no more.
  local_.indexes[kBills].pop_back();
  repair({kBills});
  steps();
  EXPECT_EQ(owed_.size(), 1U);
  backup_.refuses.clear();
  repair({kBills});
  steps();
  EXPECT_TRUE(owed_.empty());
  EXPECT_EQ(backup_indexes(kBills), Names{"t"});
}

TEST_F(SchemaRepairTest, AnIndexUnderAnotherNameGoesBeforeItsKeyIsBuilt) {
  local_.make(kBills, std::string(16, 'a'));
  backup_.make(kBills, "");
  for (auto* server : {&local_, &backup_}) server->put(kBills, document("1", 1));
  local_.indexes[kBills] = {index("a_1", R"({"a":1})")};
  backup_.indexes[kBills] = {index("by_hand", R"({"a":1})"), index("extra", R"({"e":1})")};
  repair({kBills}, true);
  EXPECT_EQ(backup_indexes(kBills), (Names{"extra", "a_1"})) << "what stands in nobody's way was to be kept";
  repair({kBills});
  EXPECT_EQ(backup_indexes(kBills), Names{"a_1"});
  EXPECT_EQ(last_error_, "");
}

TEST_F(SchemaRepairTest, AnIndexIsHiddenAndNotBuiltAnew) {
  local_.make(kBills, std::string(16, 'a'));
  backup_.make(kBills, "");
  for (auto* server : {&local_, &backup_}) server->put(kBills, document("1", 1));
  local_.indexes[kBills] = {index("a_1", R"({"a":1})", R"(,"hidden":true)")};
  backup_.indexes[kBills] = {index("a_1", R"({"a":1})")};
  repair({kBills});
  EXPECT_EQ(backup_.log, Names{"modify index"});
  backup_.log.clear();
  backup_.refuses["modify shop.bills"] = {ErrorKind::kDenied, "not authorized", "", 13};
  repair({kBills});
  EXPECT_EQ(backup_.log, (Names{"dropIndex a_1", "index a_1"})) << "which needs no such right";
}

TEST_F(SchemaRepairTest, WhatIsOfAnotherKindMakesWay) {
  const std::string view = bson(R"({"viewOn": "items", "pipeline": []})");
  local_.make(kBills, std::string(16, 'a'));
  local_.put(kBills, document("1", 1));
  backup_.make(kBills, "", view, Type::kView);
  local_.make(kItems, "", view, Type::kView);
  backup_.make(kItems, "");
  backup_.put(kItems, document("7", 7));
  pipeline_.on_drop = OnDrop::kKeep;
  repair({kBills, kItems});
  EXPECT_EQ(backup_.info_of(kBills).type, Type::kCollection);
  EXPECT_TRUE(backup_.get(kBills, id_key("1")));
  EXPECT_EQ(backup_.info_of(kItems).type, Type::kView);
  ASSERT_EQ(archives().size(), 1U) << "its name is needed, its documents are kept";
  EXPECT_TRUE(backup_.get({"shop", archives().front()}, id_key("7")));
  EXPECT_EQ(dirty(), 0U);
}

TEST_F(SchemaRepairTest, WhatMayNotBeDroppedStaysAndIsADeadLetter) {
  backup_.make(kBills, "");
  backup_.put(kBills, document("1", 1));
  backup_.refuses["rename shop.bills"] = {ErrorKind::kDenied, "not authorized", "", 13};
  repair({kBills});
  EXPECT_EQ(dirty(), 0U);
  ASSERT_EQ(letters(), 1U);
  EXPECT_EQ(queue_->dead_letters(1)->front().change, "drop");
}

TEST(Setbacks, EachNamespaceWaitsByItself) {
  test::FakeClock clock;
  Setbacks setbacks(clock);
  DirtyRange bills{kBills, "test", {9, 1}, false, ""};
  bills.gap = 1;
  DirtyRange items{kItems, "test", {9, 1}, false, ""};
  items.gap = 2;
  const auto due = [&](std::vector<DirtyRange> ranges) {
    setbacks.leave_out(&ranges);
    return ranges.size();
  };
  const Error refusal{ErrorKind::kRefused, "no", "", 0};
  EXPECT_LE(setbacks.note(bills, refusal), std::chrono::milliseconds(1100));
  EXPECT_EQ(due({bills, items}), 1U);
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(due({bills, items}), 2U);
  EXPECT_TRUE(setbacks.view().empty()) << "once may pass by itself";
  EXPECT_GE(setbacks.note(bills, refusal), std::chrono::milliseconds(4500)) << "longer each time";
  ASSERT_EQ(setbacks.view().size(), 1U);
  EXPECT_EQ(setbacks.view().front().ns, kBills);
  EXPECT_EQ(setbacks.view().front().cause, "no");
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(due({bills, items}), 1U);
  bills.gap = 3;
  EXPECT_EQ(due({bills, items}), 2U) << "a gap that was found later";
  EXPECT_TRUE(setbacks.view().empty());
}

}  // namespace
}  // namespace dualsync
