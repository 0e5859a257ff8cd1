// A queue that lies in memory: what is left after the process, and that it leaves no gap.
#include <rapidcheck.h>

#include <algorithm>
#include <map>

#include "support/forgetful_env.h"
#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_op;

class QueueMemory : public test::QueueFixture {
 protected:
  QueueMemory() {
    options_.directory = "/queue";
    options_.env = &disk_;
    options_.persist = false;
    open();
  }
  ~QueueMemory() override { queue_.reset(); }

  static Operation replace(int id, OpTime time) {
    return make_op(OpKind::kReplace, std::to_string(id), document(std::to_string(id), 1), time);
  }
  void save() { ASSERT_TRUE(queue_->sync().ok()); }
  void do_ddl() {
    ASSERT_TRUE(take().empty());
    auto ddl = queue_->take_ddl(std::chrono::milliseconds(0), {});
    ASSERT_TRUE(ddl.ok() && ddl->has_value());
    ASSERT_TRUE(queue_->complete_ddl((*ddl)->seq, {}, {}).ok());
  }

  test::ForgetfulEnv disk_;
};

TEST_F(QueueMemory, AfterARestartItStandsBeforeWhatWaited) {
  append({replace(1, {10, 1})}, {10, 1});
  append({replace(2, {10, 5})}, {10, 5});
  append({replace(3, {10, 9})}, {10, 9});
  complete(take(1));
  save();
  open();
  EXPECT_EQ(queue_->position().time, (OpTime{10, 1}));
  EXPECT_EQ(queue_->stats().operations, 0U);
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 1}));
}

TEST_F(QueueMemory, WithNothingWaitingItGoesOnWhereItWas) {
  append({replace(1, {10, 1})}, {10, 1});
  append({}, {10, 7});
  complete(take());
  save();
  open();
  EXPECT_EQ(queue_->position().time, (OpTime{10, 7}));
  EXPECT_EQ(queue_->position().token, "token");
}

TEST_F(QueueMemory, WhatWasNeverSavedIsReadFromTheStart) {
  append({replace(1, {10, 1})}, {10, 1});
  open();
  EXPECT_TRUE(queue_->position().empty());
}

TEST_F(QueueMemory, ARepairThatWaitsKeepsItsRangeDirty) {
  ASSERT_TRUE(queue_->mark_dirty({{"shop", "bills"}, "gap", {9, 1}, false, ""}).ok());
  append({}, {10, 1});
  save();
  AppendBatch repair;
  const Operation touch = make_op(OpKind::kTouch, "1", "", {9, 1});
  repair.operations.push_back(touch.view());
  ASSERT_TRUE(queue_->append(repair).ok());
  ASSERT_TRUE(queue_->finish_dirty(queue_->dirty_ranges().at(0)).ok());
  append({}, {10, 5});
  save();
  open();
  ASSERT_EQ(queue_->dirty_ranges().size(), 1U) << "its repairs were in memory only";
  EXPECT_EQ(queue_->position().time, (OpTime{10, 1}));
}

TEST_F(QueueMemory, StateIsKeptAtOnceAndDeadLettersWithThePosition) {
  append({replace(1, {10, 1})}, {10, 1});
  ASSERT_TRUE(queue_->put_state("waiting", "yes").ok());
  const auto taken = take();
  Completion refused;
  refused.seq = taken.at(0).seq;
  refused.kind = Completion::Kind::kDeadLetter;
  refused.error = {ErrorKind::kRefused, "no", "", 121};
  ASSERT_TRUE(queue_->complete({refused}).ok());
  append({}, {10, 2});
  save();
  ASSERT_TRUE(queue_->put_state("forgotten", "x").ok());
  ASSERT_TRUE(queue_->put_state("forgotten", "").ok());
  open();
  EXPECT_EQ(queue_->get_state("waiting").value(), "yes");
  EXPECT_FALSE(queue_->get_state("forgotten").value());
  ASSERT_EQ(queue_->dead_letters(10).value().size(), 1U);
  ASSERT_TRUE(queue_->discard_dead_letter(queue_->dead_letters(10).value()[0].seq).ok());
  save();
  open();
  EXPECT_TRUE(queue_->dead_letters(10).value().empty());
}

TEST_F(QueueMemory, ASchemaChangeThatWasDoneIsNotDoneAgain) {
  append({replace(1, {10, 1})}, {10, 1});
  save();
  const auto held_back = take();  // waits for ever, so that the position stays
  append({test::make_ddl("drop", {"shop", "other"}, {10, 3})}, {10, 3});
  do_ddl();
  save();
  open();
  ASSERT_LT(queue_->position().time, (OpTime{10, 3}));
  append({test::make_ddl("drop", {"shop", "other"}, {10, 3})}, {10, 3});
  ASSERT_TRUE(take().empty());
  EXPECT_FALSE(queue_->take_ddl(std::chrono::milliseconds(0), {}).value());
  ASSERT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_EQ(queue_->dirty_ranges()[0].ns.full(), "shop.other");
  append({test::make_ddl("drop", {"shop", "other"}, {10, 8})}, {10, 8});
  do_ddl();  // a later one is done as ever
}

TEST_F(QueueMemory, AFullDiskOnlyMakesTheRemainderOlder) {
  append({replace(1, {10, 1})}, {10, 1});
  complete(take());
  save();
  disk_.set_full(true);
  append({replace(2, {10, 2})}, {10, 2});
  complete(take());
  EXPECT_FALSE(queue_->sync().ok());
  EXPECT_FALSE(queue_->sync().ok());
  EXPECT_FALSE(queue_->trouble());
  append({replace(3, {10, 3})}, {10, 3});
  disk_.set_full(false);
  save();
  open();
  EXPECT_EQ(queue_->position().time, (OpTime{10, 2}));
}

TEST_F(QueueMemory, WhatAKeptQueueHeldIsTakenOverAndTheOtherWayRound) {
  options_.persist = true;
  open();
  append({replace(1, {10, 1}), replace(2, {10, 2})});
  options_.persist = false;
  open();
  EXPECT_EQ(queue_->stats().operations, 2U);
  complete(take(1));
  open();
  EXPECT_EQ(queue_->stats().operations, 2U) << "not saved since: the disk still has both";
  complete(take());
  append({}, {10, 9});
  save();
  options_.persist = true;
  open();
  EXPECT_EQ(queue_->stats().operations, 0U);
  EXPECT_EQ(queue_->position().time, (OpTime{10, 9}));
  EXPECT_TRUE(take().empty());
}

TEST(QueueMemoryModel, EverythingAtOrBeforeThePositionIsDone) {
  EXPECT_TRUE(rc::check("queue in memory, killed at any moment", [] {
    test::ForgetfulEnv disk;
    QueueOptions options;
    options.directory = "/queue";
    options.env = &disk;
    options.persist = false;
    options.lanes = 1;
    options.memory_operations = *rc::gen::inRange<std::size_t>(1, 8);
    std::unique_ptr<SyncQueue> queue;
    const auto open = [&] {
      queue.reset();
      auto opened = SyncQueue::open(options);
      RC_ASSERT(opened.ok());
      queue = std::move(*opened);
    };
    open();
    std::uint32_t now = 1;
    std::vector<std::pair<int, OpTime>> written;  // every change of a document that will not be read again
    std::map<int, OpTime> done;
    std::stop_source stop;
    stop.request_stop();
    const auto steps = *rc::gen::resize(40, rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100)));
    for (const int step : steps) {
      if (step < 50) {
        const int id = step % 7;
        AppendBatch batch;
        const Operation op =
            make_op(OpKind::kReplace, std::to_string(id), document(std::to_string(id), step), {5, ++now});
        batch.operations.push_back(op.view());
        batch.position = {"token", {5, now}, false, "rs0"};
        RC_ASSERT(queue->append(batch).ok());
        written.emplace_back(id, OpTime{5, now});
      } else if (step < 75) {
        auto taken =
            queue->take(0, {std::size_t(step % 3 + 1), 1U << 20U}, std::chrono::milliseconds(0), stop.get_token());
        RC_ASSERT(taken.ok());
        std::vector<Completion> completions;
        for (const TakenOperation& one : *taken) {
          completions.push_back({});
          completions.back().seq = one.seq;
          bson_iter_t iter;
          RC_ASSERT(find_field(one.op.document_key, "_id", &iter));
          auto& newest = done[static_cast<int>(bson_iter_as_int64(&iter))];
          newest = std::max(newest, one.op.last_time);
        }
        RC_ASSERT(queue->complete(completions).ok());
      } else if (step < 90) {
        RC_ASSERT(queue->sync().ok());
      } else {
        open();
        const OpTime position = queue->position().time;
        for (const auto& [id, time] : written) {
          if (time <= position) RC_ASSERT(done[id] >= time);
        }
        std::erase_if(written, [&](const auto& one) { return one.second > position; });
      }
    }
    queue.reset();
  }));
}

}  // namespace
}  // namespace dualsync
