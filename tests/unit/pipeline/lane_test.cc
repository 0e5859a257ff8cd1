#include "dualsync/pipeline/lane.h"

#include "dualsync/base/waiting.h"
#include "dualsync/pipeline/pause.h"
#include "support/fake_clock.h"
#include "support/pipeline_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_op;
using Permit = CircuitBreaker::Permit;

class LaneTest : public test::PipelineFixture {};

// With a breaker whose waits a test ends.
class ProbeTest : public LaneTest {
 protected:
  PipelineContext context() {
    return {pipeline_, scope_, local_side_, backup_side_, *queue_, timed_breaker_, counters_, system_clock()};
  }
  bool may_probe() { return timed_breaker_.try_acquire() == Permit::kProbe; }

  test::FakeClock clock_;
  CircuitBreaker timed_breaker_{clock_, 1};
};

TEST_F(LaneTest, AfterAnUnansweredBatchItSettlesBeforeAnythingElse) {
  PipelineContext context = this->context();
  Lane lane(context, 0);
  append({make_op(OpKind::kInsert, "1", document("1", 1))});
  backup_.down = true;
  ASSERT_TRUE(lane.step(Permit::kGo, {}).ok());
  ASSERT_TRUE(lane.step(Permit::kGo, {}).ok());
  EXPECT_TRUE(backup_.log.empty());
  EXPECT_EQ(queue_->stats().operations, 1U);
  backup_.down = false;
  for (int turn = 0; turn < 100 && queue_->stats().operations > 0; ++turn) ASSERT_TRUE(lane.step(Permit::kGo, {}).ok());
  EXPECT_EQ(backup_.log, (std::vector<std::string>{"settle", "insert"})) << "what came late would be refused by then";
}

TEST_F(LaneTest, WhatArrivesInAPauseItWaitedIntoIsGivenBack) {
  PipelineContext context = this->context();
  Pause pause(*queue_, system_clock());
  context.pause = &pause;
  Lane lane(context, 0);
  append({make_op(OpKind::kInsert, "1", document("1", 1))});
  ASSERT_TRUE(pause.begin().ok());
  ASSERT_TRUE(lane.step(Permit::kGo, {}).ok()) << "run() asked before the pause began";
  EXPECT_TRUE(backup_.log.empty());
  EXPECT_EQ(queue_->stats().operations, 1U);
  ASSERT_TRUE(pause.end().ok());
  ASSERT_TRUE(lane.step(Permit::kGo, {}).ok());
  EXPECT_EQ(backup_.log, std::vector<std::string>{"insert"});
  EXPECT_EQ(queue_->stats().operations, 0U);
}

// Otherwise the breaker would wait for the probe for ever.
TEST_F(ProbeTest, AProbeThatAPauseTookAwayIsMadeAgain) {
  PipelineContext context = this->context();
  Pause pause(*queue_, system_clock());
  context.pause = &pause;
  Lane lane(context, 0);
  append({make_op(OpKind::kInsert, "1", document("1", 1))});
  timed_breaker_.failure("away", true);
  clock_.advance(std::chrono::minutes(2));
  ASSERT_TRUE(may_probe());
  ASSERT_TRUE(pause.begin().ok());
  ASSERT_TRUE(lane.step(Permit::kProbe, {}).ok());
  EXPECT_EQ(queue_->stats().operations, 1U);
  ASSERT_TRUE(pause.end().ok());
  ASSERT_TRUE(may_probe());
  ASSERT_TRUE(lane.step(Permit::kProbe, {}).ok());
  EXPECT_TRUE(timed_breaker_.closed());
  EXPECT_EQ(queue_->stats().operations, 0U);
}

// What makes room on a full backup goes first, wherever it stands in the queue.
TEST_F(ProbeTest, OnAFullBackupDeletesGoFirst) {
  PipelineContext context = this->context();
  Lane lane(context, 0);
  std::vector<Operation> ops;
  for (int i = 0; i < 50; ++i)
    ops.push_back(make_op(OpKind::kInsert, std::to_string(i), document(std::to_string(i), 1)));
  for (int i = 100; i < 140; ++i) {
    backup_.put({"shop", "bills"}, document(std::to_string(i), 1));
    ops.push_back(make_op(OpKind::kDelete, std::to_string(i)));
  }
  append(ops);
  backup_.full = true;
  ASSERT_TRUE(lane.step(Permit::kGo, {}).ok());
  ASSERT_FALSE(timed_breaker_.closed());
  // The deletes of the first batch went through with it; these come later.
  std::vector<Operation> more;
  for (int i = 200; i < 240; ++i) {
    backup_.put({"shop", "bills"}, document(std::to_string(i), 1));
    more.push_back(make_op(OpKind::kDelete, std::to_string(i)));
  }
  append(more);
  sleep_for(std::chrono::milliseconds(250), {});  // until the lane looks at what was put back
  clock_.advance(std::chrono::minutes(2));
  ASSERT_TRUE(may_probe());
  ASSERT_TRUE(lane.step(Permit::kProbe, {}).ok());
  EXPECT_EQ(backup_.documents({"shop", "bills"}).size(), 0U) << "all deletes, in one batch";
  EXPECT_EQ(queue_->stats().operations, 50U);
  ASSERT_TRUE(may_probe()) << "at once: there may be more";
  backup_.full = false;
  ASSERT_TRUE(lane.step(Permit::kProbe, {}).ok());
  EXPECT_TRUE(timed_breaker_.closed());
  while (queue_->stats().operations > 0) ASSERT_TRUE(lane.step(Permit::kGo, {}).ok());
  EXPECT_EQ(backup_.documents({"shop", "bills"}).size(), 50U);
}

}  // namespace
}  // namespace dualsync
