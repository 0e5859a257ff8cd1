// The queue on a disk that forgets at a power cut what was not synced: position and operations agree, always.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "support/forgetful_env.h"
#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_op;

class CrashingQueue {
 public:
  static constexpr int kDocuments = 8;

  explicit CrashingQueue(std::size_t memory) {
    options_.directory = "/queue";
    options_.lanes = 1;
    options_.memory_operations = memory;
    if (*rc::gen::arbitrary<bool>()) options_.index_operations = *rc::gen::inRange<std::size_t>(0, 4);
    if (*rc::gen::arbitrary<bool>()) options_.recent_records = *rc::gen::inRange<std::size_t>(0, 4);
    options_.env = &env_;
    open();
  }
  ~CrashingQueue() { queue_.reset(); }

  // Consecutive documents, so that some of the new ones share a chunk.
  void append(int id, int count) {
    std::vector<Operation> ops;
    for (int i = 0; i < count; ++i) {
      const OpTime now{100, ++clock_};
      const int one = (id + i) % kDocuments;
      ops.push_back(make_op(OpKind::kReplace, std::to_string(one), document(std::to_string(one), one), now));
      newest_[one] = now;
    }
    AppendBatch batch;
    for (const Operation& op : ops) batch.operations.push_back(op.view());
    batch.position = {"token", ops.back().time, false, "rs0"};
    RC_ASSERT(queue_->append(batch).ok());
  }
  void apply(std::size_t count) {
    std::vector<Completion> completions;
    for (const TakenOperation& one : take(count)) {
      completions.push_back({});
      completions.back().seq = one.seq;
      done_[id_of(one)] = one.op.last_time;
    }
    RC_ASSERT(queue_->complete(completions).ok());
  }
  void sync() {
    RC_ASSERT(queue_->sync().ok());
    synced_done_ = done_;
    synced_position_ = queue_->position().time;
  }

  // The disk is full for a while: nothing of what was handed over then is there afterwards.
  void fill_and_recover(int id) {
    const OpTime before = queue_->position().time;
    const auto in_hand = take(2);
    const OpTime now{100, ++clock_};
    AppendBatch batch;
    const Operation op = make_op(OpKind::kReplace, std::to_string(id), document(std::to_string(id), id), now);
    batch.operations.push_back(op.view());
    batch.position = {"token", now, false, "rs0"};
    env_.set_full(true);
    RC_ASSERT(!queue_->append(batch).ok());
    RC_ASSERT(!queue_->recover().ok());
    std::vector<Completion> completions(in_hand.size());
    for (std::size_t i = 0; i < in_hand.size(); ++i) completions[i].seq = in_hand[i].seq;
    RC_ASSERT(!queue_->complete(completions).ok());
    RC_ASSERT(!queue_->recover().ok());
    env_.set_full(false);
    RC_ASSERT(queue_->recover().ok());
    RC_ASSERT(queue_->position().time == before);
    synced_done_ = done_;  // what came before was written anew when the store was opened
    synced_position_ = before;
  }

  void crash(std::size_t keep) {
    env_.set_dead(true);
    queue_.reset();
    env_.power_cut([&](std::size_t n) { return std::min(n, keep); });
    env_.set_dead(false);
    open();
    check();
  }

 private:
  void open() {
    auto opened = SyncQueue::open(options_);
    RC_ASSERT(opened.ok());
    queue_ = std::move(*opened);
  }
  std::vector<TakenOperation> take(std::size_t count) {
    std::stop_source stop;
    stop.request_stop();
    auto taken = queue_->take(0, {count, 1U << 20U}, std::chrono::milliseconds(0), stop.get_token());
    RC_ASSERT(taken.ok());
    return *taken;
  }
  static int id_of(const TakenOperation& taken) {
    bson_iter_t iter;
    RC_ASSERT(find_field(taken.op.document_key, "_id", &iter));
    return static_cast<int>(bson_iter_as_int64(&iter));
  }

  void check() {
    const OpTime position = queue_->position().time;
    RC_ASSERT(position >= synced_position_);
    std::map<int, OpTime> there;
    // One by one, and each done, so that what stands behind it comes too.
    for (auto taken = take(1); !taken.empty(); taken = take(1)) {
      const int id = id_of(taken[0]);
      there[id] = taken[0].op.last_time;
      RC_ASSERT(taken[0].op.last_time <= position);  // what the position does not cover is read again
      RC_ASSERT(synced_done_[id] < taken[0].op.last_time);
      Completion done;
      done.seq = taken[0].seq;
      RC_ASSERT(queue_->complete({done}).ok());
    }
    for (const auto& [id, time] : newest_) {
      if (time <= position && done_[id] < time) RC_ASSERT(there[id] == time);
    }
    RC_ASSERT(queue_->stats().operations == 0U);
    for (auto& [id, time] : newest_) time = done_[id] = std::min(time, position);
    sync();
  }

  test::ForgetfulEnv env_;
  QueueOptions options_;
  std::unique_ptr<SyncQueue> queue_;
  std::map<int, OpTime> newest_;
  std::map<int, OpTime> done_;
  std::map<int, OpTime> synced_done_;
  OpTime synced_position_;
  std::uint32_t clock_ = 0;
};

TEST(QueueCrash, PositionAndOperationsAgreeAfterAPowerCut) {
  EXPECT_TRUE(rc::check("queue on a disk that forgets", [] {
    CrashingQueue queue(*rc::gen::inRange<std::size_t>(1, 8));
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100));
    for (const int step : steps) {
      if (step < 60) {
        queue.append(*rc::gen::inRange(0, CrashingQueue::kDocuments), *rc::gen::inRange(1, 5));
      } else if (step < 80) {
        queue.apply(*rc::gen::inRange<std::size_t>(1, 4));
      } else if (step < 88) {
        queue.sync();
      } else if (step < 92) {
        queue.fill_and_recover(*rc::gen::inRange(0, CrashingQueue::kDocuments));
      } else {
        queue.crash(*rc::gen::inRange<std::size_t>(0, 2000));
      }
    }
    queue.crash(0);
  }));
}

const DirtyRange kCopied{{"shop", "bills"}, "first copy", {}, true, ""};

class QueueOrder : public test::QueueFixture {};

TEST_F(QueueOrder, ARepairThatMergesIntoANewerChangeHoldsTheAppliedPositionBack) {
  open();
  ASSERT_TRUE(queue_->mark_dirty(kCopied).ok());
  append({make_op(OpKind::kReplace, "1", document("1", 1), {10, 5})});
  AppendBatch repair;
  const Operation touch = make_op(OpKind::kTouch, "1", "", {0, 1});
  repair.operations.push_back(touch.view());
  ASSERT_TRUE(queue_->append(repair).ok());
  ASSERT_TRUE(queue_->clear_dirty(kCopied.ns).ok());
  EXPECT_EQ(queue_->stats().operations, 1U);
  EXPECT_TRUE(queue_->applied_position().is_null());
  complete(take());
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 5}));
}

TEST_F(QueueOrder, ARepairThatIsNotLoadedYetHoldsTheAppliedPositionBackAfterARestart) {
  options_.memory_operations = 1;
  open();
  ASSERT_TRUE(queue_->mark_dirty(kCopied).ok());
  append({make_op(OpKind::kReplace, "1", document("1", 1), {10, 1}),
          make_op(OpKind::kReplace, "2", document("2", 1), {10, 2})});
  AppendBatch repair;
  const Operation touch = make_op(OpKind::kTouch, "3", "", {5, 1});
  repair.operations.push_back(touch.view());
  ASSERT_TRUE(queue_->append(repair).ok());
  ASSERT_TRUE(queue_->clear_dirty(kCopied.ns).ok());
  open();
  EXPECT_EQ(queue_->applied_position(), (OpTime{5, 0}));
  complete(take(1));
  EXPECT_EQ(queue_->applied_position(), (OpTime{5, 0}));
  while (queue_->stats().operations > 0) complete(take(1));
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 2}));
}

TEST_F(QueueOrder, WhatIsPutBackDoesNotTakeANewerOneOverTheHeadOfAnUnloadedOne) {
  options_.memory_operations = 1;
  open();
  append({make_op(OpKind::kInsert, "1", document("1", 1), {10, 1})});
  EXPECT_EQ(take().size(), 1U);
  append({make_op(OpKind::kDelete, "1", "", {10, 2})});
  open();
  const auto first = take(1);
  ASSERT_EQ(first.size(), 1U);
  append({make_op(OpKind::kInsert, "1", document("1", 2), {10, 3})});
  complete(first, Completion::Kind::kPutBack);
  OpKind last = OpKind::kTouch;
  while (queue_->stats().operations > 0) {
    const auto taken = take(1);
    ASSERT_EQ(taken.size(), 1U);
    last = taken[0].op.kind;
    complete(taken);
  }
  EXPECT_NE(last, OpKind::kDelete);
}

}  // namespace
}  // namespace dualsync
