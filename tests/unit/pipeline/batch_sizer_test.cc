#include "dualsync/pipeline/batch_sizer.h"

#include <gtest/gtest.h>

namespace dualsync {
namespace {

using std::chrono::milliseconds;

TEST(BatchSizer, GrowsWhileABacklogRemainsAndBatchesAreQuick) {
  BatchSizer sizer(100, 1000);
  sizer.succeeded(40, milliseconds(5));
  EXPECT_EQ(sizer.size(), 100U) << "not full: no backlog";
  sizer.succeeded(100, milliseconds(5));
  EXPECT_EQ(sizer.size(), 200U);
  for (int i = 0; i < 10; ++i) sizer.succeeded(sizer.size(), milliseconds(5));
  EXPECT_EQ(sizer.size(), 1000U);
}

TEST(BatchSizer, ShrinksWhenSlowOrTold) {
  BatchSizer sizer(100, 1000);
  sizer.succeeded(100, milliseconds(2500));
  EXPECT_EQ(sizer.size(), 50U);
  for (int i = 0; i < 10; ++i) sizer.shrink();
  EXPECT_EQ(sizer.size(), 1U);
}

}  // namespace
}  // namespace dualsync
