#include "dualsync/pipeline/reconciler.h"

#include <gtest/gtest.h>

#include "support/fake_clock.h"

namespace dualsync {
namespace {

using std::chrono::minutes;
using State = FullSyncStatus::State;

class ReconcilerTest : public ::testing::Test {
 protected:
  ReconcilerTest() {
    hooks_.obstacle = [this] { return obstacle_; };
    hooks_.start = [this](const FullSyncRequest& request) -> Result<FullSyncStatus> {
      if (failure_) return *failure_;
      EXPECT_TRUE(request.only_ours) << "what somebody else keeps on the backup stays";
      ++starts_;
      sync_ = {};
      sync_.id = static_cast<std::uint64_t>(starts_) + 10;
      sync_.state = State::kRunning;
      return sync_;
    };
    hooks_.view = [this] { return sync_; };
  }
  Reconciler& reconciler(bool at_once, std::chrono::milliseconds interval = minutes(15)) {
    reconciler_ = std::make_unique<Reconciler>(clock_, interval, at_once, hooks_);
    return *reconciler_;
  }
  void end(State state, std::uint64_t repairs) {
    sync_.state = state;
    sync_.parts = {{{"shop", "bills"}, FullSyncPart::State::kDone, 9, 9, repairs, 0},
                   {{"shop", "goods"}, FullSyncPart::State::kDone, 9, 9, 1, 0}};
  }

  test::FakeClock clock_;
  ReconcileHooks hooks_;
  std::string obstacle_;
  std::optional<Error> failure_;
  FullSyncStatus sync_;
  int starts_ = 0;
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(ReconcilerTest, AnOwedOneIsMadeOnceAlsoWithoutAnInterval) {
  auto& reconciler = this->reconciler(false, minutes(0));
  clock_.advance(minutes(60));
  reconciler.step();
  EXPECT_EQ(starts_, 0);
  reconciler.owe_one();
  failure_ = Error{ErrorKind::kConnectivity, "the backup is offline", "", 0};
  reconciler.step();
  EXPECT_FALSE(reconciler.has_begun());
  failure_.reset();
  reconciler.step();
  EXPECT_EQ(starts_, 0) << "not again at once";
  clock_.advance(std::chrono::seconds(6));
  reconciler.step();
  EXPECT_EQ(starts_, 1);
  EXPECT_TRUE(reconciler.has_begun());
  end(State::kDone, 0);
  clock_.advance(minutes(60));
  reconciler.step();
  reconciler.step();
  EXPECT_EQ(starts_, 1);
}

TEST_F(ReconcilerTest, AnOwedOneDoesNotWaitForTheInterval) {
  auto& reconciler = this->reconciler(false);
  reconciler.owe_one();
  reconciler.step();
  EXPECT_EQ(starts_, 1);
}

TEST_F(ReconcilerTest, AtOnceAfterARestartAndThenAnIntervalAfterTheEnd) {
  auto& reconciler = this->reconciler(true);
  reconciler.step();
  EXPECT_EQ(starts_, 1);
  EXPECT_TRUE(reconciler.view().running);
  clock_.advance(minutes(60));
  reconciler.step();
  EXPECT_EQ(starts_, 1) << "one at a time";
  end(State::kDone, 2);
  reconciler.step();
  EXPECT_FALSE(reconciler.view().running);
  EXPECT_EQ(reconciler.view().repaired, 3U);
  EXPECT_EQ(reconciler.view().last_ms, clock_.unix_ms());
  clock_.advance(minutes(15) - std::chrono::seconds(1));
  reconciler.step();
  EXPECT_EQ(starts_, 1);
  clock_.advance(std::chrono::seconds(1));
  reconciler.step();
  EXPECT_EQ(starts_, 2);
}

TEST_F(ReconcilerTest, TheFirstCopyIsOne) {
  auto& reconciler = this->reconciler(false);
  reconciler.step();
  EXPECT_EQ(starts_, 0);
  clock_.advance(minutes(15));
  reconciler.step();
  EXPECT_EQ(starts_, 1);
}

TEST_F(ReconcilerTest, WaitsForWhatStandsInTheWay) {
  auto& reconciler = this->reconciler(true);
  obstacle_ = "the backup is offline";
  reconciler.step();
  EXPECT_EQ(starts_, 0);
  obstacle_.clear();
  sync_.id = 5;
  sync_.state = State::kRunning;  // somebody else's
  reconciler.step();
  EXPECT_EQ(starts_, 0);
  sync_.state = State::kDone;
  failure_ = Error{ErrorKind::kConnectivity, "refused", "", 0};
  reconciler.step();
  failure_.reset();
  reconciler.step();
  EXPECT_EQ(starts_, 0) << "not in a loop";
  clock_.advance(std::chrono::seconds(5));
  reconciler.step();
  EXPECT_EQ(starts_, 1);
}

TEST_F(ReconcilerTest, OneThatWasCancelledProvesNothing) {
  auto& reconciler = this->reconciler(true);
  reconciler.step();
  end(State::kCancelled, 7);
  reconciler.step();
  EXPECT_FALSE(reconciler.view().last_ms);
  EXPECT_FALSE(reconciler.view().running);
  clock_.advance(minutes(15));
  reconciler.step();
  EXPECT_EQ(starts_, 2);
}

}  // namespace
}  // namespace dualsync
