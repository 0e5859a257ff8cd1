#include <gtest/gtest.h>

#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_ddl;
using test::make_op;

class QueueDdlTest : public test::QueueFixture {
 protected:
  void SetUp() override { open(); }

  std::optional<TakenDdl> take_ddl() {
    auto taken = queue_->take_ddl(std::chrono::milliseconds(0), {});
    EXPECT_TRUE(taken.ok());
    return taken.ok() ? *taken : std::nullopt;
  }
  void finish_ddl() {
    const auto ddl = take_ddl();
    ASSERT_TRUE(ddl);
    ASSERT_TRUE(queue_->complete_ddl(ddl->seq, {}, {}).ok());
  }
  // The touches in hand found that the first removal of their collection had come before they read.
  void overtake(const std::vector<TakenOperation>& taken, const std::string& collection) {
    ASSERT_EQ(taken.size(), 1U);
    const auto removal = queue_->removal_ahead({"shop", collection}, taken[0].seq);
    ASSERT_TRUE(removal);
    EXPECT_FALSE(queue_->removal_ahead({"shop", "nobody"}, taken[0].seq));
    Completion completion;
    completion.seq = taken[0].seq;
    completion.kind = Completion::Kind::kOvertaken;
    completion.ddl = removal->seq;
    ASSERT_TRUE(queue_->complete({completion}).ok());
  }
  static Operation make_rename(const std::string& from, const std::string& to, OpTime time) {
    return make_ddl("rename", {"shop", from}, time, R"(,"to":{"db":"shop","coll":")" + to + "\"}");
  }
};

TEST_F(QueueDdlTest, ADdlChangeStandsBetweenWhatCameBeforeAndAfter) {
  append({make_op(OpKind::kInsert, "1", document("1", 1)), make_ddl("drop", {"shop", "bills"}, {11, 1}),
          make_op(OpKind::kInsert, "1", document("1", 2), {12, 1})});
  EXPECT_EQ(queue_->stats().operations, 3U) << "no merge across it";
  EXPECT_FALSE(take_ddl()) << "what came before is not done";
  const auto before = take();
  ASSERT_EQ(before.size(), 1U);
  EXPECT_EQ(before[0].op.payload, document("1", 1));
  EXPECT_TRUE(take().empty()) << "what came after waits";
  EXPECT_FALSE(take_ddl()) << "in flight is not done";
  complete(before);
  const auto ddl = take_ddl();
  ASSERT_TRUE(ddl);
  EXPECT_EQ(ddl->event.type, DdlEvent::Type::kDrop);
  EXPECT_TRUE(take().empty());
  ASSERT_TRUE(queue_->complete_ddl(ddl->seq, {}, {}).ok());
  const auto after = take();
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(after[0].op.payload, document("1", 2));
}

TEST_F(QueueDdlTest, OtherNamespacesDoNotWait) {
  append({make_op(OpKind::kInsert, "1", document("1", 1)), make_ddl("drop", {"shop", "bills"}, {11, 1}),
          make_op(OpKind::kInsert, "1", document("1", 1), {12, 1}, {"shop", "other"})});
  EXPECT_EQ(take().size(), 2U);
}

TEST_F(QueueDdlTest, ARenameConcernsBothNamesAndADropDatabaseAllOfThem) {
  const std::string to = R"(,"to":{"db":"shop","coll":"new"})";
  append({make_ddl("rename", {"shop", "bills"}, {11, 1}, to),
          make_op(OpKind::kInsert, "1", document("1", 1), {12, 1}, {"shop", "new"})});
  EXPECT_TRUE(take().empty());
  auto ddl = take_ddl();
  ASSERT_TRUE(ddl);
  ASSERT_TRUE(queue_->complete_ddl(ddl->seq, {}, {}).ok());
  complete(take());
  append({make_ddl("dropDatabase", {"shop", ""}, {13, 1}),
          make_op(OpKind::kInsert, "1", document("1", 1), {14, 1}, {"shop", "x"})});
  EXPECT_TRUE(take().empty());
  EXPECT_TRUE(take_ddl());
}

TEST_F(QueueDdlTest, DdlChangesRunOneAtATimeInOrderAlsoAfterAReopen) {
  append({make_ddl("create", {"shop", "a"}, {11, 1}), make_ddl("create", {"shop", "b"}, {12, 1})});
  auto first = take_ddl();
  ASSERT_TRUE(first);
  EXPECT_FALSE(take_ddl());
  open();
  EXPECT_TRUE(take().empty());
  first = take_ddl();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->event.ns.collection, "a");
  ASSERT_TRUE(queue_->complete_ddl(first->seq, {}, {}).ok());
  const auto second = take_ddl();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->event.ns.collection, "b");
}

TEST_F(QueueDdlTest, ALaneNeverGetsTwoChangesOfADocumentFromBeforeADdlChange) {
  append({make_op(OpKind::kInsert, "1", document("1", 1))});
  const auto first = take();
  ASSERT_EQ(first.size(), 1U);
  append({make_op(OpKind::kReplace, "1", document("1", 2), {11, 1}), make_ddl("drop", {"shop", "bills"}, {12, 1}),
          make_op(OpKind::kInsert, "1", document("1", 3), {13, 1})});
  complete(first, Completion::Kind::kPutBack);
  const auto merged = take();
  ASSERT_EQ(merged.size(), 1U) << "the change after the drop hides the one before it";
  EXPECT_EQ(merged[0].op.payload, document("1", 2));
  complete(merged);
  finish_ddl();
  const auto last = take();
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(last[0].op.payload, document("1", 3));
}

TEST_F(QueueDdlTest, WhatIsLoadedFromDiskMergesUpToTheNextDdlChange) {
  append({make_op(OpKind::kInsert, "1", document("1", 1))});
  open();
  append({make_op(OpKind::kReplace, "1", document("1", 2), {11, 1})});
  append({make_ddl("drop", {"shop", "bills"}, {12, 1})});
  EXPECT_EQ(queue_->stats().operations, 3U) << "what was there before is not in memory yet";
  const auto merged = take();
  ASSERT_EQ(merged.size(), 1U);
  EXPECT_EQ(merged[0].op.payload, document("1", 2));
  EXPECT_EQ(queue_->stats().operations, 2U);
}

TEST_F(QueueDdlTest, AFullWindowDoesNotKeepTheOldestDdlChangeOut) {
  options_.memory_operations = 2;
  open();
  queue_->hold({"shop", "bills"});
  append({make_op(OpKind::kInsert, "1", document("1", 1)), make_ddl("drop", {"shop", "bills"}, {11, 1}),
          make_ddl("drop", {"shop", "goods"}, {12, 1})});
  for (int i = 0; i < 5; ++i)
    append({make_op(OpKind::kInsert, std::to_string(i), document(std::to_string(i), i), {13, 1}, {"shop", "goods"})});
  EXPECT_TRUE(take().empty()) << "all of it waits for the drop of what is held";
  queue_->release({"shop", "bills"});
  complete(take());
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(take().empty());
    finish_ddl();
  }
  std::size_t done = 0;
  for (auto taken = take(); !taken.empty(); taken = take()) {
    done += taken.size();
    complete(taken);
  }
  EXPECT_EQ(done, 5U);
  EXPECT_EQ(queue_->stats().operations, 0U);
}

TEST_F(QueueDdlTest, NothingIsGivenOutBeforeTheNamesOfTheFirstCopyAreKnown) {
  AppendBatch start;
  start.dirty = {{{"", ""}, "first copy", {}, true, ""}};
  ASSERT_TRUE(queue_->append(start).ok());
  append({make_op(OpKind::kInsert, "1", document("1", 1)), make_ddl("create", {"shop", "new"}, {11, 1})});
  EXPECT_TRUE(take().empty());
  EXPECT_FALSE(take_ddl());
  ASSERT_TRUE(queue_->mark_dirty({{"shop", "bills"}, "first copy", {}, true, ""}).ok());
  ASSERT_TRUE(queue_->clear_dirty({"", ""}).ok());
  EXPECT_EQ(take().size(), 1U);
  EXPECT_TRUE(take_ddl());
}

TEST_F(QueueDdlTest, ARenameTakesATouchAlong) {
  append({make_op(OpKind::kTouch, "1"), make_rename("bills", "new", {11, 1})});
  overtake(take(), "bills");
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 0})) << "it stays as old as it was";
  finish_ddl();
  const auto moved = take();
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].op.kind, OpKind::kTouch);
  EXPECT_EQ(moved[0].op.ns(), (Namespace{"shop", "new"}));
}

TEST_F(QueueDdlTest, ATouchGoesToTheNameThatItsCollectionHasInTheEnd) {
  append({make_op(OpKind::kTouch, "1"), make_rename("bills", "new", {11, 1}), make_rename("other", "bills", {12, 1}),
          make_rename("new", "last", {13, 1})});
  overtake(take(), "bills");
  for (int i = 0; i < 3; ++i) finish_ddl();
  const auto moved = take();
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].op.ns(), (Namespace{"shop", "last"}));
}

TEST_F(QueueDdlTest, ATouchOfADroppedCollectionIsDoneWhenTheDropIs) {
  append({make_op(OpKind::kTouch, "1"), make_ddl("drop", {"shop", "bills"}, {15, 1})}, {20, 1});
  overtake(take(), "bills");
  EXPECT_EQ(queue_->stats().operations, 1U);
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 0})) << "the backup lacks it until the drop is there too";
  open();
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 0}));
  EXPECT_TRUE(take().empty());
  finish_ddl();
  EXPECT_EQ(queue_->applied_position(), (OpTime{20, 1}));
}

TEST_F(QueueDdlTest, ACollectionThatARenameReplacedIsDropped) {
  append({make_op(OpKind::kTouch, "1"), make_rename("other", "bills", {11, 1})});
  overtake(take(), "bills");
  EXPECT_EQ(queue_->stats().operations, 1U);
}

TEST_F(QueueDdlTest, ADropDoesNotSettleAGapThatWasFoundBehindIt) {
  append({make_ddl("drop", {"shop", "bills"}, {11, 1})});
  AppendBatch gap;
  gap.dirty.push_back({{"shop", "bills"}, "position lost", {12, 1}, false, ""});
  gap.position = {"token", {20, 1}, false, "rs0"};
  ASSERT_TRUE(queue_->append(gap).ok());
  EXPECT_TRUE(queue_->changes_first(queue_->dirty_ranges().front())) << "what came before the gap goes first";
  const auto ddl = take_ddl();
  ASSERT_TRUE(ddl);
  ASSERT_TRUE(queue_->complete_ddl(ddl->seq, {}, {{"shop", "bills"}}).ok());
  EXPECT_EQ(queue_->dirty_ranges().size(), 1U);
  append({make_ddl("drop", {"shop", "bills"}, {21, 1})});
  const auto later = take_ddl();
  ASSERT_TRUE(later);
  ASSERT_TRUE(queue_->complete_ddl(later->seq, {}, {{"shop", "bills"}}).ok());
  EXPECT_TRUE(queue_->dirty_ranges().empty());
}

TEST_F(QueueDdlTest, WhatWasReadForATouchIsKeptUntilTheDocumentChangesAgain) {
  append({make_op(OpKind::kTouch, "1")});
  Completion read;
  read.seq = take()[0].seq;
  read.kind = Completion::Kind::kRead;
  read.read_at = {15, 1};
  read.document = document("1", 7);
  ASSERT_TRUE(queue_->complete({read}).ok());
  auto taken = take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].read_at, (OpTime{15, 1}));
  EXPECT_EQ(taken[0].read_document, document("1", 7));
  complete(taken, Completion::Kind::kPutBack);
  taken = take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].read_document, document("1", 7)) << "an outage changes nothing about it";
  complete(taken, Completion::Kind::kPutBack);
  append({make_op(OpKind::kDelta, "1", test::bson(R"({"updatedFields":{"v":9},"removedFields":[]})"), {16, 1})});
  taken = take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_TRUE(taken[0].read_at.is_null());
}

TEST_F(QueueDdlTest, MoreThanTheBoundOfReadDocumentsIsNotKept) {
  options_.memory_bytes = 4096;
  open();
  append({make_op(OpKind::kTouch, "1"), make_op(OpKind::kTouch, "2")});
  std::vector<Completion> completions;
  for (const auto& one : take()) {
    Completion read;
    read.seq = one.seq;
    read.kind = Completion::Kind::kRead;
    read.read_at = {15, 1};
    read.document = std::string(3000, 'x');
    completions.push_back(read);
  }
  ASSERT_TRUE(queue_->complete(completions).ok());
  int kept = 0;
  for (const auto& one : take()) kept += one.read_at.is_null() ? 0 : 1;
  EXPECT_EQ(kept, 1) << "the other has to be read again";
}

TEST_F(QueueDdlTest, ADdlChangeOfAHeldNamespaceWaitsForItsRelease) {
  queue_->hold({"shop", "bills"});
  append({make_op(OpKind::kInsert, "1", document("1", 1)), make_ddl("drop", {"shop", "bills"}, {11, 1})});
  EXPECT_TRUE(take().empty());
  EXPECT_FALSE(take_ddl());
  queue_->release({"shop", "bills"});
  complete(take());
  EXPECT_TRUE(take_ddl());
}

TEST_F(QueueDdlTest, ARefusedDdlChangeBecomesADeadLetterAndMarksItsNamespaces) {
  append({make_ddl("create", {"shop", "a"}, {11, 1})});
  const auto ddl = take_ddl();
  ASSERT_TRUE(ddl);
  ASSERT_TRUE(queue_
                  ->dead_letter_ddl(ddl->seq, {ErrorKind::kRefused, "no", "", 1},
                                    {{{"shop", "a"}, "refused", {10, 1}, false, ""}})
                  .ok());
  EXPECT_EQ(queue_->stats().dead_letters, 1U);
  EXPECT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_EQ(queue_->stats().operations, 0U);
}

}  // namespace
}  // namespace dualsync
