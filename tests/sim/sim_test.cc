// A few hundred runs of the simulation. One that fails is replayed by `dualsync_sim --seed N --trace`.
#include <gtest/gtest.h>

#include "sim/sim_world.h"

namespace dualsync::sim {
namespace {

constexpr std::uint64_t kSeedsPerTest = 60;

class Simulation : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Simulation, TheBackupEndsEqualAndNothingIsClaimedThatItLacks) {
  std::uint64_t applied = 0;
  int restarts = 0;
  for (std::uint64_t seed = GetParam(); seed < GetParam() + kSeedsPerTest; ++seed) {
    const SimResult result = SimWorld({.seed = seed}).run();
    EXPECT_EQ(result.violation, "") << "seed " << seed << ", step " << result.step;
    applied += result.applied;
    restarts += result.restarts;
  }
  EXPECT_GT(applied, 100U);  // a run in which nothing happens proves nothing
  EXPECT_GT(restarts, 10);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Simulation, ::testing::Range<std::uint64_t>(1, 301, kSeedsPerTest));

TEST(SimulationReplay, ASeedIsTheSameRunEveryTime) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SimResult first = SimWorld({.seed = seed}).run();
    const SimResult again = SimWorld({.seed = seed}).run();
    EXPECT_EQ(first.applied, again.applied);
    EXPECT_EQ(first.restarts, again.restarts);
    EXPECT_EQ(first.violation, again.violation);
  }
}

}  // namespace
}  // namespace dualsync::sim
