// A queue in a directory of its own, and short ways to feed and empty it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "dualsync/queue/sync_queue.h"
#include "support/bson_literal.h"
#include "support/scratch_dir.h"

namespace dualsync::test {

inline Operation make_op(OpKind kind, const std::string& id_json, const std::string& payload = "",
                         OpTime time = {10, 1}, Namespace ns = {"shop", "bills"}) {
  Operation op;
  op.kind = kind;
  op.ns = std::move(ns);
  op.time = time;
  op.enqueued_ms = 1;
  op.document_key = id_key(id_json);
  op.payload = payload;
  return op;
}

inline std::string document(const std::string& id_json, int value) {
  return bson("{\"_id\":" + id_json + ",\"v\":" + std::to_string(value) + "}");
}

inline Operation make_ddl(const std::string& type, const Namespace& ns, OpTime time, const std::string& rest = "") {
  Operation op;
  op.kind = OpKind::kDdl;
  op.ns = ns;
  op.time = time;
  op.enqueued_ms = 1;
  const std::string collection = ns.collection.empty() ? "" : R"(,"coll":")" + ns.collection + "\"";
  op.payload =
      bson(R"({"operationType":")" + type + R"(","clusterTime":{"$timestamp":{"t":)" + std::to_string(time.t) +
           R"(,"i":)" + std::to_string(time.i) + R"(}},"ns":{"db":")" + ns.db + "\"" + collection + "}" + rest + "}");
  return op;
}

class QueueFixture : public ::testing::Test {
 protected:
  QueueFixture() {
    options_.directory = dir_.text() + "/queue";
    options_.lanes = 1;
  }

  void open() {
    queue_.reset();
    auto opened = SyncQueue::open(options_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    queue_ = std::move(*opened);
  }

  void append(const std::vector<Operation>& ops, OpTime position = {}) {
    AppendBatch batch;
    for (const Operation& op : ops) batch.operations.push_back(op.view());
    if (position.is_null() && !ops.empty()) position = ops.back().time;
    batch.position = {"token", position, false, "rs0"};
    const auto appended = queue_->append(batch);
    ASSERT_TRUE(appended.ok()) << appended.error().message;
  }

  std::vector<TakenOperation> take(std::size_t max = 1000) {
    auto taken = queue_->take(0, {max, 64U << 20U}, std::chrono::milliseconds(0), {});
    EXPECT_TRUE(taken.ok());
    return taken.ok() ? *taken : std::vector<TakenOperation>();
  }

  void complete(const std::vector<TakenOperation>& taken, Completion::Kind kind = Completion::Kind::kDone) {
    std::vector<Completion> completions;
    for (const TakenOperation& one : taken) {
      Completion completion;
      completion.seq = one.seq;
      completion.kind = kind;
      completions.push_back(completion);
    }
    const auto completed = queue_->complete(completions);
    ASSERT_TRUE(completed.ok()) << completed.error().message;
  }

  ScratchDir dir_;
  QueueOptions options_;
  std::unique_ptr<SyncQueue> queue_;
};

}  // namespace dualsync::test
