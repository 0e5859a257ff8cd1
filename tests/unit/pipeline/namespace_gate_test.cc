#include "dualsync/pipeline/namespace_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/names.h"

namespace dualsync {
namespace {

using std::chrono::milliseconds;
const Namespace kGatedGoods{"shop", "goods"};
constexpr milliseconds kLong{60'000};

TEST(NamespaceGate, ManyEnterOneNamespace) {
  NamespaceGate gate;
  const auto one = gate.enter(kBills);
  const auto two = gate.enter(kBills);  // or the test hangs
}

TEST(NamespaceGate, NamespacesHaveNothingToDoWithEachOther) {
  NamespaceGate gate;
  const auto alone = gate.enter_alone(kBills, kLong);
  const auto other = gate.enter(kGatedGoods);
  const auto other_alone = gate.enter_alone({"shop", "people"}, kLong);
}

TEST(NamespaceGate, AHungWriterIsNotWaitedForForEver) {
  NamespaceGate gate;
  const auto hung = gate.enter(kBills);
  const auto alone = gate.enter_alone(kBills, milliseconds(1));
}

TEST(NamespaceGate, WhoeverIsAloneIsAlone) {
  NamespaceGate gate;
  std::atomic<int> inside{0};
  std::atomic<int> turns{0};
  const auto work = [&](bool alone) {
    for (int turn = 0; turn < 300; ++turn) {
      if (alone) {
        const auto own = gate.enter_alone(kBills, kLong);
        EXPECT_EQ(inside.fetch_add(1), 0);
        std::this_thread::yield();
        EXPECT_EQ(inside.fetch_sub(1), 1);
      } else {
        const auto shared = gate.enter(kBills);
        inside.fetch_add(1);
        std::this_thread::yield();
        inside.fetch_sub(1);
      }
      turns.fetch_add(1);
    }
  };
  {
    std::vector<std::jthread> threads;
    for (const bool alone : {false, true, false, true}) threads.emplace_back(work, alone);
  }
  EXPECT_EQ(turns.load(), 1200) << "nobody is kept waiting for ever";
}

}  // namespace
}  // namespace dualsync
