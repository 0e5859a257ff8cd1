// Each planted bug is found by one of the first seeds, and the same seed is quiet without it: the simulation sees what
// it claims to.
#include "dualsync/base/planted.h"

#include <gtest/gtest.h>

#include "sim/sim_world.h"

namespace dualsync::sim {
namespace {

// Several times what the best hidden one takes, so that a change of the product, which makes a seed another run, does
// not matter. kUnsyncedReport and kLookCountsAtOnce take thousands of seeds and are looked for by hand
// (docs/testing.md).
constexpr std::uint64_t kSeedsMax = 1200;

struct Planted {
  Bug bug;
  const char* name;
};

class PlantedBug : public ::testing::TestWithParam<Planted> {
 protected:
  void TearDown() override { planted_bug = Bug::kNone; }
};

TEST_P(PlantedBug, IsFound) {
  planted_bug = GetParam().bug;
  std::uint64_t seed = 1;
  while (seed <= kSeedsMax && SimWorld({.seed = seed}).run().violation.empty()) ++seed;
  ASSERT_LE(seed, kSeedsMax) << "no seed finds it";
  RecordProperty("seed", static_cast<int>(seed));
  planted_bug = Bug::kNone;
  EXPECT_EQ(SimWorld({.seed = seed}).run().violation, "") << "seed " << seed << " fails without the bug";
}

INSTANTIATE_TEST_SUITE_P(
    Bugs, PlantedBug,
    ::testing::Values(Planted{Bug::kPositionBeforeBatch, "PositionBeforeBatch"},
                      Planted{Bug::kMergeAcrossDdl, "MergeAcrossDdl"}, Planted{Bug::kDroppedTouch, "DroppedTouch"},
                      Planted{Bug::kAckBeforeWrite, "AckBeforeWrite"}, Planted{Bug::kStaleInsert, "StaleInsert"},
                      Planted{Bug::kMergeIntoFlight, "MergeIntoFlight"},
                      Planted{Bug::kAppliedTooHigh, "AppliedTooHigh"}, Planted{Bug::kHeldLost, "HeldLost"},
                      Planted{Bug::kGapForgotten, "GapForgotten"},
                      Planted{Bug::kDeltaToMissingDone, "DeltaToMissingDone"},
                      Planted{Bug::kTouchPastDdl, "TouchPastDdl"}, Planted{Bug::kSessionPerBatch, "SessionPerBatch"},
                      Planted{Bug::kDdlSettlesGap, "DdlSettlesGap"}),
    [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace dualsync::sim
