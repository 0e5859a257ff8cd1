// Failures: refusals are tried again with growing delays, outages use up nothing.
#include <algorithm>

#include "prop/prop_world.h"
#include "prop/property.h"

namespace dualsync::test {
namespace {

using std::chrono::milliseconds;

constexpr double kJitter = 0.1;

// Each try comes within ±10 % of 1, 5, 15, 30, 60 s after the one before, never earlier; after the last the operation
// is set aside. Others of the same batch are not held up.
TEST(RetryProps, Property04ExponentialBackoff) {
  expect_property("Feature: dual-mongodb-sync, Property 4: Exponential backoff retry strategy", [] {
    const int kSeconds[] = {1, 5, 15, 30, 60};
    WorldOptions options;
    options.pipeline.retries_max = *rc::gen::inRange<std::uint32_t>(0, 9);
    World world(options);
    world.store.refuses = world.refuse_next = true;
    world.write({Write::Kind::kPut, 0, 1, false});
    world.refuse_next = false;
    world.write({Write::Kind::kPut, 0, 2, false});
    world.capture();
    const auto tries = [&] {
      return static_cast<std::uint32_t>(
          std::count_if(world.backup.sent.begin(), world.backup.sent.end(),
                        [](const Sent& sent) { return sim::id_of(sent.document_key).number == 1; }));
    };
    world.work();
    RC_ASSERT(tries() == 1U);
    RC_ASSERT(world.on_backup().size() == 1U);
    for (std::uint32_t retry = 1; retry <= options.pipeline.retries_max; ++retry) {
      RC_ASSERT(world.queue().stats().dead_letters == 0U);
      const double base = 1000.0 * kSeconds[std::min<std::uint32_t>(retry, 5) - 1];
      const auto earliest = milliseconds(static_cast<std::int64_t>(base * (1 - kJitter)));
      const auto latest = milliseconds(static_cast<std::int64_t>(base * (1 + kJitter)) + 1);
      const auto early = milliseconds(*rc::gen::inRange<std::int64_t>(0, earliest.count()));
      world.clock.advance(early);
      world.work();
      RC_ASSERT(tries() == retry);  // too early
      world.clock.advance(latest - early);
      world.work();
      RC_ASSERT(tries() == retry + 1);
    }
    RC_ASSERT(world.queue().stats().dead_letters == 1U);
    RC_ASSERT(world.queue().stats().operations == 0U);
    RC_ASSERT(world.queue().dead_letters(10)->front().attempts == options.pipeline.retries_max + 1);
  });
}

// The backup goes away and comes back, the process ends and starts, cuts come before and after the effect of a write.
TEST(RetryProps, Property12PersistenceAndRecovery) {
  expect_property("Feature: dual-mongodb-sync, Property 12: Queue persistence and recovery", [] {
    WorldOptions options;
    options.seed = *rc::gen::arbitrary<std::uint64_t>();
    options.pipeline.retries_max = 0;  // an outage that counted as one try would make dead letters
    options.memory_operations = *rc::gen::inRange<std::size_t>(1, 12);
    World world(options);
    for (const Write& write : *any_writes(2, 6, true)) world.write(write);
    world.capture();
    if (*rc::gen::arbitrary<bool>()) {
      world.backup_link.down = true;
    } else {
      world.backup_link.cut_percent = 50;
    }
    const std::uint64_t waiting = world.queue().stats().operations;
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 4));
    for (const int step : steps) {
      switch (step) {
        case 0: world.work(); break;
        case 1: world.restart(); break;
        case 2: world.clock.advance(std::chrono::minutes(2)); break;
        default: world.write(*any_write(2, 6, true)); world.capture();
      }
    }
    const QueueStats stats = world.queue().stats();
    if (world.backup_link.down) RC_ASSERT(stats.operations >= waiting);
    RC_ASSERT(stats.refused == 0U);
    world.heal();
    world.settle();
    RC_ASSERT(world.differing().empty());
    RC_ASSERT(world.queue().stats().dead_letters == 0U);
    RC_ASSERT(world.queue().applied_position() == world.local.time());
  });
}

}  // namespace
}  // namespace dualsync::test
