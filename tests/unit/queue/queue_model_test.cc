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
  enum class Kind { kWrite, kDelete, kUpdate, kApply, kPutBack, kReopen, kHold, kRelease };
  Kind kind = Kind::kWrite;
  int id = 0;
  int count = 1;
};

class Model {
 public:
  explicit Model(std::size_t memory) {
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
    }
  }

  void finish() {
    queue_->release({"shop", "bills"});
    for (int rounds = 0; queue_->stats().operations > 0; ++rounds) {
      RC_ASSERT(rounds < 1000);  // something waits that nobody can take
      apply(3, Completion::Kind::kDone);
    }
    RC_ASSERT(backup_ == local_);
    RC_ASSERT(queue_->stats().bytes == 0U);
    RC_ASSERT(queue_->applied_position() == time_);
  }

 private:
  void append(const Operation& op) {
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

}  // namespace
}  // namespace dualsync
