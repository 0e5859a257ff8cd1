// Each planted bug is found by a named seed, and the same seed is quiet without it: the simulation sees what it claims
// to.
#include "dualsync/base/planted.h"

#include <gtest/gtest.h>

#include "sim/sim_world.h"

namespace dualsync::sim {
namespace {

struct Planted {
  Bug bug;
  const char* name;
  SimOptions options;
};

class PlantedBug : public ::testing::TestWithParam<Planted> {
 protected:
  void TearDown() override { planted_bug = Bug::kNone; }
};

TEST_P(PlantedBug, IsFoundByItsSeed) {
  planted_bug = Bug::kNone;
  EXPECT_EQ(SimWorld(GetParam().options).run().violation, "");
  planted_bug = GetParam().bug;
  EXPECT_NE(SimWorld(GetParam().options).run().violation, "");
}

SimOptions seed(std::uint64_t number) { return {.seed = number}; }

INSTANTIATE_TEST_SUITE_P(Bugs, PlantedBug,
                         ::testing::Values(Planted{Bug::kPositionBeforeBatch, "PositionBeforeBatch", seed(2)},
                                           Planted{Bug::kMergeAcrossDdl, "MergeAcrossDdl", seed(17)},
                                           Planted{Bug::kDroppedTouch, "DroppedTouch", seed(1)},
                                           Planted{Bug::kAckBeforeWrite, "AckBeforeWrite", seed(12)},
                                           Planted{Bug::kStaleInsert, "StaleInsert", seed(115)},
                                           Planted{Bug::kMergeIntoFlight, "MergeIntoFlight", seed(11)},
                                           Planted{Bug::kAppliedTooHigh, "AppliedTooHigh", seed(1)},
                                           Planted{Bug::kHeldLost, "HeldLost", seed(11)},
                                           Planted{Bug::kGapForgotten, "GapForgotten", seed(20)},
                                           Planted{Bug::kDeltaToMissingDone, "DeltaToMissingDone", seed(9)},
                                           Planted{Bug::kTouchPastDdl, "TouchPastDdl", seed(21)},
                                           Planted{Bug::kUnsyncedReport, "UnsyncedReport", seed(39)},
                                           Planted{Bug::kSessionPerBatch, "SessionPerBatch", seed(30)},
                                           Planted{Bug::kDdlSettlesGap, "DdlSettlesGap", seed(52)},
                                           Planted{Bug::kLookCountsAtOnce, "LookCountsAtOnce", seed(1750)}),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace dualsync::sim
