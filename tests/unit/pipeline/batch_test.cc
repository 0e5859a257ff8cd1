#include "dualsync/pipeline/batch.h"

#include <gtest/gtest.h>

#include "support/names.h"
#include "support/pipeline_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::id_key;
using test::make_ddl;
using test::make_op;
using Kind = Completion::Kind;

class BatchTest : public test::PipelineFixture {
 protected:
  void SetUp() override {
    pipeline_.retries_max = 2;
    PipelineFixture::SetUp();
  }

  // Feeds the operations through the queue, applies one batch, completes it.
  std::vector<Completion> run(const std::vector<Operation>& ops) {
    if (!ops.empty()) append(ops);
    PipelineContext context = this->context();
    const auto taken = take();
    test::FakeReader local(local_);
    test::FakeWriter writer(backup_);
    Batch batch(context, {local, writer}, backoff_, taken);
    auto completions = batch.run();
    failed_ = batch.backup_failure().has_value();
    EXPECT_TRUE(queue_->complete(completions).ok());
    return completions;
  }

  // What waited for capture is due again.
  std::vector<Completion> again() {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    return run({});
  }

  Backoff backoff_{1};
  bool failed_ = false;
};

TEST_F(BatchTest, InsertsGoOutAsInsertsAndDeletesOfNothingSucceed) {
  const auto completions = run({make_op(OpKind::kInsert, "1", document("1", 1)), make_op(OpKind::kDelete, "2")});
  EXPECT_EQ(completions[0].kind, Kind::kDone);
  EXPECT_EQ(completions[1].kind, Kind::kDone);
  EXPECT_EQ(backup_.log, (std::vector<std::string>{"delete", "insert"}));
  EXPECT_EQ(queue_->stats().operations, 0U);
}

TEST_F(BatchTest, AReplayedInsertOfTheSameBytesIsASuccess) {
  backup_.put(kBills, document("1", 1));
  EXPECT_EQ(run({make_op(OpKind::kInsert, "1", document("1", 1))})[0].kind, Kind::kDone);
  EXPECT_TRUE(backup_.log.empty());
  EXPECT_EQ(counters_.conflicts, 0U);
}

TEST_F(BatchTest, AReplayedOldInsertDoesNotOverwriteNewerData) {
  local_.put(kBills, document("1", 5));
  backup_.put(kBills, document("1", 5));
  EXPECT_EQ(run({make_op(OpKind::kInsert, "1", document("1", 1))})[0].kind, Kind::kDone);
  EXPECT_EQ(backup_.get(kBills, id_key("1")), document("1", 5));
  EXPECT_EQ(counters_.conflicts, 0U);
}

TEST_F(BatchTest, AForeignDocumentIsAConflictThatLocalWins) {
  local_.put(kBills, document("1", 1));
  backup_.put(kBills, document("1", 77));
  EXPECT_EQ(run({make_op(OpKind::kInsert, "1", document("1", 1))})[0].kind, Kind::kDone);
  EXPECT_EQ(backup_.get(kBills, id_key("1")), document("1", 1));
  EXPECT_EQ(counters_.conflicts, 1U);
}

TEST_F(BatchTest, WhatWeMayHaveLeftThereOurselvesIsNoConflict) {
  local_.put(kBills, document("1", 1));
  backup_.put(kBills, document("1", 77));
  ASSERT_TRUE(queue_->mark_dirty({kBills, "renamed into the scope", {}, false, ""}).ok());
  EXPECT_EQ(run({make_op(OpKind::kInsert, "1", document("1", 1))})[0].kind, Kind::kDone);
  EXPECT_EQ(counters_.conflicts, 0U) << "the namespace is being repaired";
  ASSERT_TRUE(queue_->finish_dirty(queue_->dirty_ranges().front()).ok());
  local_.put(kBills, document("2", 1));
  backup_.put(kBills, document("2", 77));
  append({make_op(OpKind::kInsert, "2", document("2", 1))}, {20, 2});
  backup_.down = true;
  EXPECT_EQ(run({})[0].kind, Kind::kPutBack);
  backup_.down = false;
  EXPECT_EQ(run({})[0].kind, Kind::kDone);
  EXPECT_EQ(counters_.conflicts, 0U) << "nobody knows what became of the first try";
  local_.put(kBills, document("3", 1));
  backup_.put(kBills, document("3", 77));
  Operation later = make_op(OpKind::kInsert, "3", document("3", 1));
  later.enqueued_ms = system_clock().unix_ms() + 1;
  EXPECT_EQ(run({later})[0].kind, Kind::kDone);
  EXPECT_EQ(counters_.conflicts, 1U);
}

TEST_F(BatchTest, ADeltaWithoutItsDocumentIsReadAgain) {
  local_.put(kBills, document("1", 9));
  const std::string delta = test::bson(R"({"updatedFields":{"v":9},"removedFields":[]})");
  EXPECT_EQ(run({make_op(OpKind::kDelta, "1", delta)})[0].kind, Kind::kDone);
  EXPECT_EQ(backup_.get(kBills, id_key("1")), document("1", 9));
}

TEST_F(BatchTest, AnIdWhoseBytesChangedGoesAsDeleteThenInsert) {
  const std::string as_int = R"({"$numberInt":"1"})";
  const std::string as_long = R"({"$numberLong":"1"})";
  backup_.put(kBills, document(as_int, 1));
  const auto completions =
      run({make_op(OpKind::kDelete, as_int), make_op(OpKind::kInsert, as_long, document(as_long, 1))});
  ASSERT_EQ(completions.size(), 1U);
  EXPECT_EQ(completions[0].kind, Kind::kDone);
  EXPECT_EQ(backup_.data[kBills].begin()->first, id_key(as_long));
}

TEST_F(BatchTest, AReplaceThatMeetsOtherIdBytesHealsInTheSameBatch) {
  const std::string as_long = R"({"$numberLong":"1"})";
  backup_.put(kBills, document(R"({"$numberInt":"1"})", 1));
  local_.put(kBills, document(as_long, 2));
  EXPECT_EQ(run({make_op(OpKind::kReplace, as_long, document(as_long, 2))})[0].kind, Kind::kDone);
  EXPECT_EQ(backup_.data[kBills].begin()->second, document(as_long, 2));
}

TEST_F(BatchTest, WhatAReplaceDoesNotTakeGoesAsDeleteThenInsert) {
  backup_.put(kBills, document("1", 1));
  local_.put(kBills, document("1", 2));
  backup_.dollar_names = true;
  EXPECT_EQ(run({make_op(OpKind::kReplace, "1", document("1", 2))})[0].kind, Kind::kDone);
  EXPECT_EQ(backup_.get(kBills, id_key("1")), document("1", 2));
}

TEST_F(BatchTest, ATouchWhoseReplaceIsNotTakenGoesAsDeleteThenInsert) {
  local_.put(kBills, document("1", 2));
  backup_.dollar_names = true;
  EXPECT_EQ(run({make_op(OpKind::kTouch, "1")})[0].kind, Kind::kDone);
  EXPECT_EQ(backup_.get(kBills, id_key("1")), document("1", 2));
}

TEST_F(BatchTest, ATouchWritesWhatLocalHoldsNow) {
  local_.put(kBills, document("1", 3));
  EXPECT_EQ(run({make_op(OpKind::kTouch, "1")})[0].kind, Kind::kDone);
  EXPECT_EQ(backup_.get(kBills, id_key("1")), document("1", 3));
}

TEST_F(BatchTest, ATouchThatFindsNothingDeletesOnlyOnceCaptureHasPassedTheRead) {
  backup_.put(kBills, document("1", 3));
  local_.time = {50, 1};
  EXPECT_EQ(run({make_op(OpKind::kTouch, "1")})[0].kind, Kind::kRead);
  auto completions = again();
  ASSERT_EQ(completions.size(), 1U);
  EXPECT_EQ(completions[0].kind, Kind::kRead) << "capture has not read that far";
  EXPECT_TRUE(backup_.get(kBills, id_key("1")));
  append({}, {51, 1});
  completions = again();
  ASSERT_EQ(completions.size(), 1U);
  EXPECT_EQ(completions[0].kind, Kind::kDone);
  EXPECT_FALSE(backup_.get(kBills, id_key("1")));
}

TEST_F(BatchTest, WhatATouchFindsIsWrittenOnlyOnceCaptureHasPassedTheRead) {
  local_.put(kBills, document("1", 3));
  local_.time = {50, 1};
  EXPECT_EQ(run({make_op(OpKind::kTouch, "1")})[0].kind, Kind::kRead);
  EXPECT_FALSE(backup_.get(kBills, id_key("1")));
  local_.put(kBills, document("1", 4));
  local_.time = {60, 1};
  append({}, {51, 1});
  const auto completions = again();
  ASSERT_EQ(completions.size(), 1U);
  EXPECT_EQ(completions[0].kind, Kind::kDone);
  EXPECT_EQ(backup_.get(kBills, id_key("1")), document("1", 3)) << "what was read then; its change is still to come";
}

TEST_F(BatchTest, ADocumentOfTheNextCollectionOfThatNameIsNotWritten) {
  backup_.put(kBills, document("1", 3));
  local_.put(kBills, document("1", 99));  // in a collection that was created after the rename
  local_.time = {50, 1};
  EXPECT_EQ(run({make_op(OpKind::kTouch, "1")})[0].kind, Kind::kRead);
  append({make_ddl("rename", kBills, {49, 1}, R"(,"to":{"db":"shop","coll":"old"})")}, {51, 1});
  const auto completions = again();
  ASSERT_EQ(completions.size(), 1U);
  EXPECT_EQ(completions[0].kind, Kind::kOvertaken);
  EXPECT_EQ(backup_.get(kBills, id_key("1")), document("1", 3));
}

TEST_F(BatchTest, ARenameAfterTheReadDoesNotMatter) {
  local_.put(kBills, document("1", 4));
  local_.time = {50, 1};
  EXPECT_EQ(run({make_op(OpKind::kTouch, "1")})[0].kind, Kind::kRead);
  append({make_ddl("rename", kBills, {51, 1}, R"(,"to":{"db":"shop","coll":"old"})")}, {51, 1});
  const auto completions = again();
  ASSERT_EQ(completions.size(), 1U);
  EXPECT_EQ(completions[0].kind, Kind::kDone);
  EXPECT_EQ(backup_.get(kBills, id_key("1")), document("1", 4)) << "it goes along with the rename";
}

TEST_F(BatchTest, ARenameOutOfTheScopeEndsATouch) {
  const auto completions = run({make_op(OpKind::kTouch, "1", "", {10, 1}, {"admin", "x"})});
  ASSERT_EQ(completions.size(), 1U);
  EXPECT_EQ(completions[0].kind, Kind::kDone);
  EXPECT_TRUE(backup_.log.empty());
}

TEST_F(BatchTest, ATouchDoesNotLookPastARename) {
  backup_.put(kBills, document("1", 3));
  local_.time = {50, 1};
  EXPECT_EQ(run({make_op(OpKind::kTouch, "1")})[0].kind, Kind::kRead);
  append({make_ddl("rename", kBills, {49, 1}, R"(,"to":{"db":"shop","coll":"old"})")}, {51, 1});
  const auto completions = again();
  ASSERT_EQ(completions.size(), 1U);
  EXPECT_EQ(completions[0].kind, Kind::kOvertaken);
  EXPECT_TRUE(backup_.get(kBills, id_key("1"))) << "it goes with the rename";
}

TEST_F(BatchTest, ADroppedNamespaceKeepsItsLastKnownState) {
  backup_.put(kBills, document("1", 3));
  local_.time = {50, 1};
  run({make_op(OpKind::kTouch, "1")});
  append({make_ddl("drop", kBills, {49, 1})}, {51, 1});
  EXPECT_EQ(again()[0].kind, Kind::kOvertaken);
  EXPECT_TRUE(backup_.get(kBills, id_key("1")));
}

TEST_F(BatchTest, ADeltaWhoseDocumentIsGoneOnBothSidesIsATouchFromThenOn) {
  local_.time = {50, 1};
  const std::string delta = test::bson(R"({"updatedFields":{"v":9},"removedFields":[]})");
  EXPECT_EQ(run({make_op(OpKind::kDelta, "1", delta)})[0].kind, Kind::kRead);
  append({make_ddl("drop", kBills, {49, 1})}, {51, 1});
  const auto completions = again();
  ASSERT_EQ(completions.size(), 1U);
  EXPECT_EQ(completions[0].kind, Kind::kOvertaken) << "it must not be sent as a delta for ever";
  EXPECT_EQ(queue_->stats().operations, 1U) << "only the drop is left";
}

TEST_F(BatchTest, AnOutageUsesUpNoRetryAndPutsEverythingBack) {
  backup_.down = true;
  const auto completions = run({make_op(OpKind::kInsert, "1", document("1", 1)), make_op(OpKind::kDelete, "2")});
  for (const Completion& completion : completions) EXPECT_EQ(completion.kind, Kind::kPutBack);
  EXPECT_TRUE(failed_);
  EXPECT_EQ(queue_->stats().refused, 0U);
  EXPECT_EQ(queue_->stats().operations, 2U);
}

TEST_F(BatchTest, LocalAwayOnlyDelaysTouches) {
  local_.down = true;
  const auto completions = run({make_op(OpKind::kTouch, "1"), make_op(OpKind::kInsert, "2", document("2", 1))});
  EXPECT_EQ(completions[0].kind, Kind::kPutBack);
  EXPECT_EQ(completions[1].kind, Kind::kDone);
  EXPECT_FALSE(failed_);
}

TEST_F(BatchTest, ARefusedDocumentIsRetriedThenADeadLetterAndItsNeighboursPass) {
  backup_.refused.insert(document("1", 1));
  auto completions =
      run({make_op(OpKind::kReplace, "1", document("1", 1)), make_op(OpKind::kReplace, "2", document("2", 1))});
  EXPECT_EQ(completions[0].kind, Kind::kRetry);
  EXPECT_GE(completions[0].delay, std::chrono::milliseconds(900));
  EXPECT_LE(completions[0].delay, std::chrono::milliseconds(1100));
  EXPECT_EQ(completions[1].kind, Kind::kDone);
}

TEST_F(BatchTest, AfterTheLastTryItIsADeadLetterWithTheReason) {
  backup_.refused.insert(document("1", 1));
  append({make_op(OpKind::kReplace, "1", document("1", 1))});
  auto taken = take();
  taken[0].op.attempts = 2;
  PipelineContext context = this->context();
  test::FakeReader local(local_);
  test::FakeWriter writer(backup_);
  const auto completions = Batch(context, {local, writer}, backoff_, taken).run();
  EXPECT_EQ(completions[0].kind, Kind::kDeadLetter);
  EXPECT_EQ(completions[0].error.code, 121);
}

TEST_F(BatchTest, ACommandRefusedAsAWholeDoesNotTakeItsNeighboursAlong) {
  backup_.refused.insert(document("1", 1));
  backup_.refuse_command = true;
  const auto completions =
      run({make_op(OpKind::kReplace, "1", document("1", 1)), make_op(OpKind::kReplace, "2", document("2", 1))});
  EXPECT_EQ(completions[0].kind, Kind::kRetry);
  EXPECT_EQ(completions[1].kind, Kind::kDone);
}

TEST_F(BatchTest, AChainOfUniqueValuesIsUntangledInOneBatch) {
  backup_.unique = {"v"};
  std::vector<Operation> ops;
  for (int id = 1; id <= 9; ++id) {  // each takes the value of the next
    const std::string key = std::to_string(id);
    backup_.put(kBills, document(key, id));
    local_.put(kBills, document(key, id + 1));
    ops.push_back(make_op(OpKind::kReplace, key, document(key, id + 1)));
  }
  for (const Completion& completion : run(ops)) EXPECT_EQ(completion.kind, Kind::kDone);
  EXPECT_EQ(backup_.data, local_.data);
}

class CollisionTest : public BatchTest {
 protected:
  // One batch of what waits, as if it had been refused `attempts` times.
  std::vector<Completion> run_again(std::uint32_t attempts) {
    auto taken = take();
    for (TakenOperation& one : taken) one.op.attempts = attempts;
    PipelineContext context = this->context();
    test::FakeReader local(local_);
    test::FakeWriter writer(backup_);
    return Batch(context, {local, writer}, backoff_, taken).run();
  }
  void swapped(int count) {
    backup_.unique = {"v"};
    for (int id = 0; id < count; ++id) {
      backup_.put(kBills, document(std::to_string(id), id));
      local_.put(kBills, document(std::to_string(id), (id + 1) % count));
    }
  }
};

TEST_F(CollisionTest, ASwapIsFirstLeftToOtherLanesThenWrittenTogether) {
  swapped(2);
  append({make_op(OpKind::kReplace, "0", document("0", 1))});  // the other's operation is in another lane
  append({make_op(OpKind::kReplace, "1", document("1", 0))});
  auto completions = run_again(0);
  ASSERT_EQ(completions.size(), 2U);
  for (const Completion& completion : completions) EXPECT_EQ(completion.kind, Kind::kRetry);
  for (Completion& completion : completions) completion.kind = Kind::kPutBack, completion.delay = {};
  ASSERT_TRUE(queue_->complete(completions).ok());
  for (const Completion& completion : run_again(1)) EXPECT_EQ(completion.kind, Kind::kDone);
  EXPECT_EQ(backup_.data, local_.data);
}

TEST_F(CollisionTest, WhoIsInTheWayIsWrittenAsLocalHoldsIt) {
  swapped(5);
  append({make_op(OpKind::kReplace, "0", document("0", 1))});
  EXPECT_EQ(run_again(1).at(0).kind, Kind::kDone);
  EXPECT_EQ(backup_.data, local_.data);
}

TEST_F(CollisionTest, AForeignDocumentInTheWayGoes) {
  backup_.unique = {"v"};
  backup_.put(kBills, document("\"foreign\"", 7));
  local_.put(kBills, document("1", 7));
  append({make_op(OpKind::kInsert, "1", document("1", 7))});
  EXPECT_EQ(run_again(1).at(0).kind, Kind::kDone);
  EXPECT_EQ(backup_.data, local_.data);
}

TEST_F(CollisionTest, ATooLongCycleIsTriedAgainWithMoreRoomAndNothingIsHalfDone) {
  swapped(60);
  const auto before = backup_.data;
  append({make_op(OpKind::kReplace, "0", document("0", 1))});
  const auto completions = run_again(1);
  EXPECT_EQ(completions.at(0).kind, Kind::kRetry);
  EXPECT_EQ(backup_.data, before);
  Completion put_back;
  put_back.seq = completions.at(0).seq;
  put_back.kind = Kind::kPutBack;
  ASSERT_TRUE(queue_->complete({put_back}).ok());
  EXPECT_EQ(run_again(3).at(0).kind, Kind::kDone);
  EXPECT_EQ(backup_.data, local_.data);
}

// Local is lost: what the operations hold goes out all the same, and what they do not hold stays as it was.
TEST_F(BatchTest, WithoutLocalADeltaSetsNewFieldsAndAnInsertWins) {
  pipeline_.without_local = true;
  backup_.put(kBills, document("1", 1));
  backup_.put(kBills, document("2", 7));
  const std::string delta = test::bson(R"({"updatedFields":{"w":9},"removedFields":[]})");
  for (const Completion& one :
       run({make_op(OpKind::kDelta, "1", delta), make_op(OpKind::kInsert, "2", document("2", 2))}))
    EXPECT_EQ(one.kind, Kind::kDone);
  EXPECT_NE(backup_.get(kBills, id_key("1")), document("1", 1));
  EXPECT_EQ(backup_.get(kBills, id_key("2")), document("2", 2));
  EXPECT_EQ(counters_.loose_deltas, 1U);
}

TEST_F(BatchTest, WithoutLocalWhatCannotBeMadeWholeIsPutBackAsItWas) {
  pipeline_.without_local = true;
  local_.down = true;
  const std::string delta = test::bson(R"({"updatedFields":{"v":9},"removedFields":[]})");
  for (const Completion& one : run({make_op(OpKind::kDelta, "1", delta), make_op(OpKind::kTouch, "2")}))
    EXPECT_EQ(one.kind, Kind::kPutBack);
  EXPECT_EQ(queue_->stats().operations, 2U);
  EXPECT_EQ(queue_->list(1)->operations[0].kind, OpKind::kDelta) << "its content must not be forgotten";
  EXPECT_TRUE(backup_.data[kBills].empty());
}

TEST_F(BatchTest, WithoutLocalNothingTakesTheBackupBackWhereACopyWasOnItsWay) {
  pipeline_.without_local = true;
  local_.down = true;
  ASSERT_TRUE(queue_->mark_dirty({kBills, "first copy", {}, false, ""}).ok());
  backup_.put(kBills, document("1", 5));
  EXPECT_EQ(run({make_op(OpKind::kInsert, "1", document("1", 1))})[0].kind, Kind::kPutBack);
  EXPECT_EQ(backup_.get(kBills, id_key("1")), document("1", 5));
}

}  // namespace
}  // namespace dualsync
