#include "dualsync/middleware/stop_mark.h"

#include <gtest/gtest.h>

#include "support/queue_fixture.h"

namespace dualsync {
namespace {

class StopMarkTest : public test::QueueFixture {};

TEST_F(StopMarkTest, StandsAfterAnEndThatWasNone) {
  open();
  auto set = StopMark(*queue_).set();
  ASSERT_TRUE(set.ok());
  EXPECT_FALSE(*set) << "the first start";
  open();
  set = StopMark(*queue_).set();
  ASSERT_TRUE(set.ok());
  EXPECT_TRUE(*set);
  ASSERT_TRUE(StopMark(*queue_).clear().ok());
  open();
  set = StopMark(*queue_).set();
  ASSERT_TRUE(set.ok());
  EXPECT_FALSE(*set);
}

}  // namespace
}  // namespace dualsync
