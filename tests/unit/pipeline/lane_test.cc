#include "dualsync/pipeline/lane.h"

#include "dualsync/base/waiting.h"
#include "dualsync/pipeline/pause.h"
#include "support/pipeline_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_op;
using Permit = CircuitBreaker::Permit;

class LaneTest : public test::PipelineFixture {};

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

}  // namespace
}  // namespace dualsync
