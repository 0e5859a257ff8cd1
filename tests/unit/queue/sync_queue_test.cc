#include "dualsync/queue/sync_queue.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_op;

class SyncQueueTest : public test::QueueFixture {
 protected:
  void SetUp() override { open(); }
};

TEST_F(SyncQueueTest, OperationsComeOutInOrderAndAreGoneWhenDone) {
  append({make_op(OpKind::kInsert, "1", document("1", 1)), make_op(OpKind::kInsert, "2", document("2", 1))});
  const auto taken = take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].op.payload, document("1", 1));
  EXPECT_EQ(taken[1].op.payload, document("2", 1));
  EXPECT_EQ(queue_->stats().operations, 2U);
  complete(taken);
  EXPECT_EQ(queue_->stats().operations, 0U);
  EXPECT_EQ(queue_->stats().bytes, 0U);
  EXPECT_TRUE(take().empty());
}

TEST_F(SyncQueueTest, AHotDocumentKeepsItsPlace) {
  append({make_op(OpKind::kReplace, "1", document("1", 1)), make_op(OpKind::kReplace, "2", document("2", 1))});
  append({make_op(OpKind::kReplace, "1", document("1", 2))});
  const auto taken = take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].op.payload, document("1", 2));
  EXPECT_EQ(queue_->stats().coalesced, 1U);
}

TEST_F(SyncQueueTest, NumbersThatMongoDBHoldsEqualAreOneDocument) {
  append({make_op(OpKind::kReplace, R"({"$numberInt":"1"})", document("1", 1)),
          make_op(OpKind::kDelete, R"({"$numberDouble":"1.0"})")});
  const auto taken = take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].op.kind, OpKind::kDelete);
}

TEST_F(SyncQueueTest, NothingMergesIntoWhatIsInFlight) {
  append({make_op(OpKind::kReplace, "1", document("1", 1))});
  const auto first = take();
  append({make_op(OpKind::kReplace, "1", document("1", 2))});
  EXPECT_EQ(first[0].op.payload, document("1", 1));
  EXPECT_EQ(queue_->stats().operations, 2U);
  complete(first);
  const auto second = take();
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].op.payload, document("1", 2));
}

TEST_F(SyncQueueTest, WhatIsPutBackTakesInWhatCameMeanwhile) {
  append({make_op(OpKind::kReplace, "1", document("1", 1))});
  const auto first = take();
  append({make_op(OpKind::kDelete, "1")});
  complete(first, Completion::Kind::kPutBack);
  EXPECT_EQ(queue_->stats().operations, 1U);
  const auto again = take();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].op.kind, OpKind::kDelete);
}

TEST_F(SyncQueueTest, PositionAndOperationsSurviveAReopenTogether) {
  append({make_op(OpKind::kInsert, "1", document("1", 1), {50, 1})});
  const auto in_flight = take();
  ASSERT_EQ(in_flight.size(), 1U);
  append({make_op(OpKind::kReplace, "1", document("1", 2), {51, 1})});
  open();
  EXPECT_EQ(queue_->position().time, (OpTime{51, 1}));
  EXPECT_EQ(queue_->position().token, "token");
  // Two operations of one document wait now; they must not come out side by side.
  const auto taken = take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].op.payload, document("1", 2));
  complete(taken);
  EXPECT_EQ(queue_->stats().operations, 0U);
  open();
  EXPECT_TRUE(take().empty());
}

TEST_F(SyncQueueTest, ABacklogBeyondMemoryStaysOnDiskAndStillMerges) {
  options_.memory_operations = 10;
  open();
  for (int round = 0; round < 3; ++round) {
    std::vector<Operation> ops;
    for (int i = 0; i < 500; ++i) {
      const std::string id = std::to_string(i);
      ops.push_back(make_op(OpKind::kReplace, id, document(id, round)));
    }
    append(ops);
  }
  EXPECT_EQ(queue_->stats().operations, 500U);
  EXPECT_EQ(queue_->stats().coalesced, 1000U);
  int expected = 0;
  for (auto taken = take(7); !taken.empty(); taken = take(7)) {
    for (const TakenOperation& one : taken) {
      const std::string id = std::to_string(expected++);
      EXPECT_EQ(one.op.payload, document(id, 2));
    }
    complete(taken);
  }
  EXPECT_EQ(expected, 500);
  EXPECT_EQ(queue_->stats().operations, 0U);
  EXPECT_EQ(queue_->stats().bytes, 0U);
}

TEST_F(SyncQueueTest, AnOlderOperationNeverWinsOverANewerOneOnDisk) {
  // A is in flight when B goes to the disk; A comes back; C must end up in what is applied last.
  options_.memory_operations = 1;
  open();
  append({make_op(OpKind::kReplace, "1", document("1", 1))});
  const auto first = take();
  append({make_op(OpKind::kReplace, "2", document("2", 1)), make_op(OpKind::kReplace, "1", document("1", 2))});
  complete(first, Completion::Kind::kPutBack);
  append({make_op(OpKind::kReplace, "1", document("1", 3))});
  std::string last;
  for (auto taken = take(1); !taken.empty(); taken = take(1)) {
    if (taken[0].op.document_key == test::id_key("1")) last = std::string(taken[0].op.payload);
    complete(taken);
  }
  EXPECT_EQ(last, document("1", 3));
}

TEST_F(SyncQueueTest, ARefusedOperationWaitsThenBecomesADeadLetterAndBlocksNobody) {
  append({make_op(OpKind::kReplace, "1", document("1", 1)), make_op(OpKind::kReplace, "2", document("2", 1))});
  auto taken = take(1);
  Completion retry;
  retry.seq = taken[0].seq;
  retry.kind = Completion::Kind::kRetry;
  retry.delay = std::chrono::milliseconds(30);
  ASSERT_TRUE(queue_->complete({retry}).ok());
  taken = take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].op.document_key, test::id_key("2"));
  complete(taken);
  auto waited = queue_->take(0, {10, 1U << 20U}, std::chrono::seconds(5), {});
  ASSERT_TRUE(waited.ok());
  ASSERT_EQ(waited->size(), 1U);
  EXPECT_EQ((*waited)[0].op.attempts, 1U);
  Completion dead;
  dead.seq = (*waited)[0].seq;
  dead.kind = Completion::Kind::kDeadLetter;
  dead.error = {ErrorKind::kRefused, "Document failed validation", "", 121};
  ASSERT_TRUE(queue_->complete({dead}).ok());
  open();
  const auto letters = queue_->dead_letters(10);
  ASSERT_TRUE(letters.ok());
  ASSERT_EQ(letters->size(), 1U);
  EXPECT_EQ((*letters)[0].code, 121);
  EXPECT_EQ((*letters)[0].ns, (Namespace{"shop", "bills"}));
  EXPECT_EQ(queue_->stats().operations, 0U);
}

TEST_F(SyncQueueTest, NewContentOfARefusedDocumentIsTriedAtOnce) {
  append({make_op(OpKind::kReplace, "1", document("1", 1))});
  const auto taken = take();
  Completion retry;
  retry.seq = taken[0].seq;
  retry.kind = Completion::Kind::kRetry;
  retry.delay = std::chrono::hours(1);
  ASSERT_TRUE(queue_->complete({retry}).ok());
  EXPECT_TRUE(take().empty());
  append({make_op(OpKind::kReplace, "1", document("1", 2))});
  ASSERT_EQ(take().size(), 1U);
}

TEST_F(SyncQueueTest, TheAppliedPositionIsJustBeforeTheOldestThatIsMissing) {
  append({make_op(OpKind::kReplace, "1", document("1", 1), {10, 5}),
          make_op(OpKind::kReplace, "2", document("2", 1), {11, 1})},
         {12, 1});
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 4}));
  append({make_op(OpKind::kReplace, "1", document("1", 2), {13, 1})});
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 4})) << "the merged one is as old as its oldest part";
  const auto taken = take(1);
  complete(taken);
  EXPECT_EQ(queue_->applied_position(), (OpTime{11, 0}));
  complete(take());
  EXPECT_EQ(queue_->applied_position(), (OpTime{13, 1}));
}

TEST_F(SyncQueueTest, TheOldestThatIsMissingIsRememberedHoweverManyComeAndGoBehindIt) {
  open();
  append({make_op(OpKind::kInsert, "0", document("0", 1), {1000, 1})});
  const auto stuck = take(1);
  ASSERT_EQ(stuck.size(), 1U);
  int id = 0;
  for (int round = 0; round < 30; ++round) {
    std::vector<Operation> ops;
    for (int i = 0; i < 500; ++i) {
      const std::string key = std::to_string(++id);
      ops.push_back(make_op(OpKind::kInsert, key, document(key, 1), {2000, static_cast<std::uint32_t>(id)}));
    }
    append(ops);
    complete(take());
    ASSERT_EQ(queue_->applied_position(), (OpTime{1000, 0}));
  }
  complete(stuck);
  EXPECT_EQ(queue_->applied_position(), (OpTime{2000, static_cast<std::uint32_t>(id)}));
}

TEST_F(SyncQueueTest, TheAppliedPositionIsNullUntilWhatWasNeverCopiedIsDone) {
  AppendBatch start;
  start.position = {"token", {20, 1}, false, "rs0"};
  start.dirty.push_back({{"shop", "bills"}, "first copy", {}, true, ""});
  ASSERT_TRUE(queue_->append(start).ok());
  EXPECT_TRUE(queue_->applied_position().is_null());
  open();
  EXPECT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_TRUE(queue_->applied_position().is_null());
  ASSERT_TRUE(queue_->clear_dirty({"shop", "bills"}).ok());
  EXPECT_EQ(queue_->applied_position(), (OpTime{20, 1}));
  // A gap that is found later stops it, but it never goes back.
  ASSERT_TRUE(queue_->mark_dirty({{"shop", "bills"}, "gap", {15, 1}, false, ""}).ok());
  append({}, {30, 1});
  EXPECT_EQ(queue_->applied_position(), (OpTime{20, 1}));
}

TEST_F(SyncQueueTest, WhatWaitedWhenAGapWasFoundIsReadAgain) {
  options_.memory_operations = 1;
  open();
  append({make_op(OpKind::kInsert, "1", document("1", 1)), make_op(OpKind::kInsert, "2", document("2", 1)),
          make_op(OpKind::kDelete, "3")});
  AppendBatch gap;
  gap.dirty.push_back({{"shop", ""}, "position lost", {10, 1}, false, ""});
  gap.position = {"later", {20, 1}, false, "rs0"};
  ASSERT_TRUE(queue_->append(gap).ok());
  open();  // the memory of it survives
  append({make_op(OpKind::kInsert, "4", document("4", 1), {21, 1})});
  std::vector<OpKind> kinds;
  for (auto taken = take(1); !taken.empty(); taken = take(1)) {
    kinds.push_back(taken[0].op.kind);
    complete(taken);
  }
  EXPECT_EQ(kinds, (std::vector<OpKind>{OpKind::kTouch, OpKind::kTouch, OpKind::kTouch, OpKind::kInsert}));
}

TEST_F(SyncQueueTest, AHeldNamespaceWaitsMergesAndComesOutInOrder) {
  queue_->hold({"shop", "bills"});
  append({make_op(OpKind::kInsert, "1", document("1", 1)),
          make_op(OpKind::kInsert, "7", document("7", 1), {10, 1}, {"shop", "other"})});
  append({make_op(OpKind::kReplace, "1", document("1", 2)), make_op(OpKind::kInsert, "2", document("2", 1))});
  auto taken = take();
  ASSERT_EQ(taken.size(), 1U) << "only the namespace that is not held";
  complete(taken);
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 0})) << "what is held is not on the backup";
  queue_->release({"shop", "bills"});
  taken = take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].op.payload, document("1", 2));
  EXPECT_EQ(taken[1].op.payload, document("2", 1));
}

TEST_F(SyncQueueTest, WhatWaitsOnDiskWhenItsNamespaceIsHeldComesBackAtTheRelease) {
  options_.memory_operations = 1;
  open();
  append({make_op(OpKind::kInsert, "1", document("1", 1)), make_op(OpKind::kInsert, "2", document("2", 1)),
          make_op(OpKind::kInsert, "3", document("3", 1))});
  queue_->hold({"shop", "bills"});
  complete(take());
  EXPECT_TRUE(take().empty()) << "the rest is on disk and held";
  queue_->release({"shop", "bills"});
  std::size_t seen = 0;
  for (auto taken = take(); !taken.empty(); taken = take()) {
    seen += taken.size();
    complete(taken);
  }
  EXPECT_EQ(seen, 2U);
  EXPECT_EQ(queue_->stats().operations, 0U);
}

TEST_F(SyncQueueTest, ASecondOwnerIsRefusedByName) {
  auto second = SyncQueue::open(options_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
  EXPECT_NE(second.error().message.find(options_.directory), std::string::npos);
}

TEST_F(SyncQueueTest, AnOperationWithoutAKeyStopsTheQueueInsteadOfBeingLost) {
  Operation op = make_op(OpKind::kTouch, "1");
  op.document_key = test::bson(R"({"x":1})");
  AppendBatch batch;
  batch.operations.push_back(op.view());
  EXPECT_FALSE(queue_->append(batch).ok());
  EXPECT_FALSE(queue_->append({}).ok());
}

TEST_F(SyncQueueTest, CaptureAndLanesWorkAtTheSameTime) {
  options_.lanes = 3;
  options_.memory_operations = 50;
  open();
  constexpr int kOperations = 3000;
  std::atomic<int> done{0};
  std::stop_source stop;
  std::vector<std::jthread> lanes;
  for (std::size_t lane = 0; lane < 3; ++lane) {
    lanes.emplace_back([&, lane] {
      while (!stop.stop_requested()) {
        auto taken = queue_->take(lane, {20, 1U << 20U}, std::chrono::milliseconds(20), stop.get_token());
        ASSERT_TRUE(taken.ok());
        std::vector<Completion> completions;
        for (const TakenOperation& one : *taken) {
          Completion completion;
          completion.seq = one.seq;
          completion.kind =
              one.seq % 7 == 0 && one.op.attempts == 0 ? Completion::Kind::kRetry : Completion::Kind::kDone;
          done += completion.kind == Completion::Kind::kDone ? 1 : 0;
          completions.push_back(completion);
        }
        if (!completions.empty()) {
          ASSERT_TRUE(queue_->complete(completions).ok());
        }
      }
    });
  }
  for (int i = 0; i < kOperations; i += 10) {
    std::vector<Operation> ops;
    for (int k = i; k < i + 10; ++k)
      ops.push_back(make_op(OpKind::kReplace, std::to_string(k % 997), document(std::to_string(k % 997), k)));
    append(ops);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (queue_->stats().operations > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  stop.request_stop();
  lanes.clear();
  const QueueStats stats = queue_->stats();
  EXPECT_EQ(stats.operations, 0U);
  EXPECT_EQ(stats.done + stats.coalesced, static_cast<std::uint64_t>(kOperations));
  EXPECT_EQ(static_cast<std::uint64_t>(done), stats.done);
}

TEST_F(SyncQueueTest, ThatANameStandsForAnotherCollectionIsForgottenWithAGap) {
  open();
  const auto mark = [&](bool other, bool first_copy) {
    DirtyRange range{{"shop", "bills"}, "test", {5, 1}, first_copy, ""};
    range.other_collection = other;
    ASSERT_TRUE(queue_->mark_dirty(range).ok());
  };
  mark(true, false);
  open();
  ASSERT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_TRUE(queue_->dirty_ranges()[0].other_collection);
  mark(false, false);  // a gap: what is missing now may be a loss
  EXPECT_FALSE(queue_->dirty_ranges()[0].other_collection);
  mark(true, false);
  EXPECT_FALSE(queue_->dirty_ranges()[0].other_collection) << "and the gap is still there";
  ASSERT_TRUE(queue_->clear_dirty({"shop", "bills"}).ok());
  mark(false, true);
  mark(true, false);
  EXPECT_TRUE(queue_->dirty_ranges()[0].other_collection) << "what a first copy put there is of us";
}

}  // namespace
}  // namespace dualsync
