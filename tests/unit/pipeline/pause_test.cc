#include "dualsync/pipeline/pause.h"

#include <gtest/gtest.h>

#include "support/fake_clock.h"
#include "support/pipeline_fixture.h"

namespace dualsync {
namespace {

class PauseTest : public test::PipelineFixture {
 protected:
  test::FakeClock clock_;
};

TEST_F(PauseTest, IsKeptAndEndsOnlyWhenAsked) {
  Pause pause(*queue_, clock_);
  ASSERT_TRUE(pause.load().ok());
  EXPECT_FALSE(pause.active());
  EXPECT_EQ(*pause.begin(), true);
  EXPECT_EQ(*pause.begin(), false) << "it was so already";
  EXPECT_TRUE(pause.active());
  const auto since = pause.since_ms();
  EXPECT_EQ(since, clock_.unix_ms());
  clock_.advance(std::chrono::hours(3));
  Pause after_restart(*queue_, clock_);
  ASSERT_TRUE(after_restart.load().ok());
  EXPECT_EQ(after_restart.since_ms(), since);
  EXPECT_EQ(*after_restart.end(), true);
  EXPECT_EQ(*after_restart.end(), false);
  Pause again(*queue_, clock_);
  ASSERT_TRUE(again.load().ok());
  EXPECT_FALSE(again.active());
}

TEST_F(PauseTest, WhateverIsKeptThereMeansPaused) {
  ASSERT_TRUE(queue_->put_state(kStatePaused, "yesterday").ok());
  Pause pause(*queue_, clock_);
  ASSERT_TRUE(pause.load().ok());
  EXPECT_TRUE(pause.active());
}

TEST_F(PauseTest, NothingMayBeWrittenMeanwhile) {
  PipelineContext context = this->context();
  Pause pause(*queue_, clock_);
  context.pause = &pause;
  EXPECT_TRUE(context.may_write());
  ASSERT_TRUE(pause.begin().ok());
  EXPECT_FALSE(context.may_write());
  ASSERT_TRUE(pause.end().ok());
  EXPECT_TRUE(context.may_write());
}

}  // namespace
}  // namespace dualsync
