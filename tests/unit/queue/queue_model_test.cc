// Random histories against a model: whatever is merged, put back, held, reopened and spilled to disk, applying what the
// queue gives out must leave a backup that equals local.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_op;

struct Step {
  enum class Kind { kWrite, kDelete, kUpdate, kApply, kPutBack, kReopen, kHold, kRelease, kRepair };
  Kind kind = Kind::kWrite;
  int id = 0;
  int count = 1;
};

class Model {
 public:
  explicit Model(std::size_t memory, std::uint64_t bytes_max = 0) {
    if (*rc::gen::arbitrary<bool>()) options_.index_operations = *rc::gen::inRange<std::size_t>(0, 4);
    if (*rc::gen::arbitrary<bool>()) options_.recent_records = *rc::gen::inRange<std::size_t>(0, 4);
    options_.bounds.bytes_max = bytes_max;
    options_.directory = dir_.text() + "/queue";
    options_.lanes = 1;
    options_.memory_operations = memory;
    reopen();
    AppendBatch start;
    start.position = {"token", time_, false, "rs0"};
    RC_ASSERT(queue_->append(start).ok());
  }

  void run(const Step& step) {
    switch (step.kind) {
      case Step::Kind::kWrite: return write(step.id);
      case Step::Kind::kDelete: return remove(step.id);
      case Step::Kind::kUpdate: return update(step.id);
      case Step::Kind::kApply: return apply(static_cast<std::size_t>(step.count), Completion::Kind::kDone);
      case Step::Kind::kPutBack: return apply(static_cast<std::size_t>(step.count), Completion::Kind::kPutBack);
      case Step::Kind::kReopen: return reopen();
      case Step::Kind::kHold: return queue_->hold({"shop", "bills"});
      case Step::Kind::kRelease: return queue_->release({"shop", "bills"});
      case Step::Kind::kRepair: return repair();
    }
  }

  // A write that the backup lacks must not count as applied.
  void check_applied() {
    for (const auto& [id, time] : changed_) {
      const auto there = backup_.find(id);
      const auto here = local_.find(id);
      const bool same =
          (there == backup_.end()) == (here == local_.end()) && (here == local_.end() || here->second == there->second);
      RC_ASSERT(same || queue_->applied_position() < time);
    }
  }
  std::uint64_t ranges_dropped() const { return queue_->stats().ranges_dropped; }
  std::uint64_t payloads_dropped() const { return queue_->stats().payloads_dropped; }

  void finish() {
    if (options_.bounds.bytes_max > 0) {  // room again: what is repaired is not dropped once more
      options_.bounds.bytes_max = 0;
      reopen();
    }
    queue_->release({"shop", "bills"});
    for (int rounds = 0; queue_->stats().operations > 0 || !queue_->dirty_ranges().empty(); ++rounds) {
      RC_ASSERT(rounds < 1000);  // something waits that nobody can take
      repair();
      apply(3, Completion::Kind::kDone);
    }
    RC_ASSERT(backup_ == local_);
    RC_ASSERT(queue_->stats().bytes == 0U);
    RC_ASSERT(queue_->applied_position() == time_);
  }

 private:
  void append(const Operation& op) {
    changed_[value_of(op.document_key, "_id")] = op.time;
    AppendBatch batch;
    batch.operations.push_back(op.view());
    batch.position = {"token", time_, false, "rs0"};
    RC_ASSERT(queue_->append(batch).ok());
  }

  OpTime tick() { return time_ = OpTime{time_.t, time_.i + 1}; }

  void write(int id) {
    const std::string key = std::to_string(id);
    const bool fresh = !local_.contains(id);
    local_[id] = ++value_;
    append(make_op(fresh ? OpKind::kInsert : OpKind::kReplace, key, document(key, value_), tick()));
  }
  void remove(int id) {
    if (local_.erase(id) > 0) append(make_op(OpKind::kDelete, std::to_string(id), "", tick()));
  }
  void update(int id) {
    if (!local_.contains(id)) return;
    local_[id] = ++value_;
    const std::string change =
        test::bson(R"({"updatedFields":{"v":)" + std::to_string(value_) + R"(},"removedFields":[]})");
    append(make_op(OpKind::kDelta, std::to_string(id), change, tick()));
  }
  void reopen() {
    queue_.reset();
    auto opened = SyncQueue::open(options_);
    RC_ASSERT(opened.ok());
    queue_ = std::move(*opened);
  }

  // As a full sync repairs: what differs is touched, as old as the gap.
  void repair() {
    const auto ranges = queue_->dirty_ranges();
    if (ranges.empty()) return;
    std::vector<Operation> touches;
    for (int id = 0; id < 6; ++id) {
      const auto there = backup_.find(id);
      const auto here = local_.find(id);
      if ((there == backup_.end()) == (here == local_.end()) && (here == local_.end() || here->second == there->second))
        continue;
      touches.push_back(make_op(OpKind::kTouch, std::to_string(id), "", ranges.front().gap_start));
    }
    AppendBatch batch;
    for (const Operation& op : touches) batch.operations.push_back(op.view());
    RC_ASSERT(queue_->append(batch).ok());
    for (const DirtyRange& range : ranges) RC_ASSERT(queue_->finish_dirty(range).ok());
  }

  static int value_of(std::string_view bytes, const char* path) {
    const auto view = view_bson(bytes);
    bson_iter_t iter;
    bson_iter_t found;
    RC_ASSERT(view && bson_iter_init(&iter, &*view) && bson_iter_find_descendant(&iter, path, &found));
    return static_cast<int>(bson_iter_as_int64(&found));
  }

  // A backup as the lanes treat it: a delta that finds nothing is a touch, a touch reads local.
  void apply(std::size_t count, Completion::Kind kind) {
    auto taken = queue_->take(0, {count, 1U << 20U}, std::chrono::milliseconds(0), {});
    RC_ASSERT(taken.ok());
    std::vector<Completion> completions;
    std::map<int, int> seen;
    for (const TakenOperation& one : *taken) {
      const int id = value_of(one.op.document_key, "_id");
      RC_ASSERT(++seen[id] == 1);  // each document once in a batch
      Completion completion;
      completion.seq = one.seq;
      completion.kind = kind;
      completions.push_back(completion);
      if (kind != Completion::Kind::kDone) continue;
      if (one.op.whole()) {
        backup_[id] = value_of(one.op.payload, "v");
      } else if (one.op.kind == OpKind::kDelta && backup_.contains(id)) {
        backup_[id] = value_of(one.op.payload, "updatedFields.v");
      } else if (one.op.kind == OpKind::kDelete || !local_.contains(id)) {
        backup_.erase(id);
      } else {
        backup_[id] = local_[id];
      }
    }
    RC_ASSERT(queue_->complete(completions).ok());
  }

  test::ScratchDir dir_;
  QueueOptions options_;
  std::unique_ptr<SyncQueue> queue_;
  std::map<int, int> local_;
  std::map<int, int> backup_;
  std::map<int, OpTime> changed_;
  int value_ = 0;
  OpTime time_{100, 0};
};

TEST(QueueModel, WhateverHappensTheBackupEndsEqual) {
  const bool held = rc::check("queue against a model", [] {
    const auto memory = *rc::gen::inRange<std::size_t>(1, 8);
    const auto kinds = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100));
    Model model(memory);
    for (const int kind : kinds) {
      Step step;
      step.id = *rc::gen::inRange(0, 6);
      step.count = *rc::gen::inRange(1, 5);
      using enum Step::Kind;
      step.kind = kind < 30   ? kWrite
                  : kind < 42 ? kDelete
                  : kind < 60 ? kUpdate
                  : kind < 78 ? kApply
                  : kind < 90 ? kPutBack
                  : kind < 93 ? kReopen
                  : kind < 96 ? kHold
                              : kRelease;
      model.run(step);
    }
    model.finish();
  });
  EXPECT_TRUE(held);
}

// Bounds of a few operations: most payloads are dropped, and often all that waits.
TEST(QueueModel, WhateverIsDroppedIsRepaired) {
  std::uint64_t ranges = 0;
  std::uint64_t payloads = 0;
  const bool held = rc::check("queue with tiny bounds against a model", [&] {
    const auto memory = *rc::gen::inRange<std::size_t>(1, 8);
    const auto bytes_max = *rc::gen::inRange<std::uint64_t>(120, 600);
    const auto kinds = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100));
    Model model(memory, bytes_max);
    for (const int kind : kinds) {
      Step step;
      step.id = *rc::gen::inRange(0, 6);
      step.count = *rc::gen::inRange(1, 3);
      using enum Step::Kind;
      step.kind = kind < 40   ? kWrite
                  : kind < 50 ? kDelete
                  : kind < 70 ? kUpdate
                  : kind < 78 ? kApply
                  : kind < 84 ? kPutBack
                  : kind < 88 ? kReopen
                  : kind < 92 ? kHold
                  : kind < 96 ? kRelease
                              : kRepair;
      model.run(step);
      model.check_applied();
    }
    ranges += model.ranges_dropped();
    payloads += model.payloads_dropped();
    model.finish();
  });
  EXPECT_TRUE(held);
  EXPECT_GT(ranges, 0U);
  EXPECT_GT(payloads, 0U);
}

}  // namespace
}  // namespace dualsync
