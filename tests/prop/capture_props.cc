// What an application does on local, and what of it reaches the queue.
//
// Limits   Properties 1, 5 and 10 of the design speak of an application's own calls. What captures today is the change
//          stream: nothing of ours stands in the way of those calls. So they are stated for what stands behind them:
//          the real capture over events as a server sends them. Whole programs do the same in tests/e2e/test_offline.py
#include <condition_variable>
#include <mutex>
#include <thread>

#include "prop/prop_world.h"
#include "prop/property.h"

namespace dualsync::test {
namespace {

enum class BackupIs { kWell, kAway, kCutting, kThrottling, kRefusing };

void make(World& world, BackupIs state) {
  world.heal();
  world.backup_link.down = state == BackupIs::kAway;
  world.backup_link.cut_percent = state == BackupIs::kCutting ? 60 : 0;
  world.store.throttle_percent = state == BackupIs::kThrottling ? 70 : 0;
  world.store.refuses = world.refuse_next = state == BackupIs::kRefusing;
}

rc::Gen<BackupIs> any_backup() {
  return rc::gen::element(BackupIs::kWell, BackupIs::kAway, BackupIs::kCutting, BackupIs::kThrottling,
                          BackupIs::kRefusing);
}

// Whatever the backup is or does meanwhile, local ends as it would without us, and every write has been read.
TEST(CaptureProps, Property01LocalPrimaryExecution) {
  expect_property("Feature: dual-mongodb-sync, Property 1: Local database primary execution", [] {
    WorldOptions options;
    options.seed = *rc::gen::arbitrary<std::uint64_t>();
    World mirrored(options);
    World alone(options);
    const auto writes = *any_writes(2, 5, true);
    for (const Write& write : writes) {
      make(mirrored, *any_backup());
      alone.refuse_next = mirrored.refuse_next;
      mirrored.write(write);
      alone.write(write);
      mirrored.capture();
      mirrored.work();
      mirrored.clock.advance(std::chrono::milliseconds(*rc::gen::inRange(0, 20'000)));
      RC_ASSERT(mirrored.queue().position().time == mirrored.local.time());
    }
    RC_ASSERT(mirrored.local.time() == alone.local.time());
    RC_ASSERT(mirrored.on_local() == alone.on_local());
  });
}

struct Change {
  OpTime first;
  OpTime last;
  OpKind kind = OpKind::kTouch;
};

// What has happened to each document in scope since `since`.
std::map<std::pair<Namespace, int>, Change> changes_since(const World& world, OpTime since) {
  std::map<std::pair<Namespace, int>, Change> changes;
  for (const auto& [key, versions] : world.local.history()) {
    if (!world.scope.contains(key.first)) continue;
    for (const sim::Version& version : versions) {
      if (version.time <= since) continue;
      auto [change, fresh] = changes.try_emplace(key, Change{version.time, version.time, OpKind::kTouch});
      change->second.last = version.time;
      change->second.kind = version.document.empty() ? OpKind::kDelete : OpKind::kTouch;
    }
  }
  return changes;
}

TEST(CaptureProps, Property02OperationReplicationToSyncQueue) {
  expect_property("Feature: dual-mongodb-sync, Property 2: Operation replication to sync queue", [] {
    WorldOptions options;
    options.scope.excluded = {"staff"};
    World world(options);
    const OpTime start = world.local.time();
    world.local.batch_events = *rc::gen::inRange<std::size_t>(1, 6);
    for (const Write& write : *any_writes(3, 6, true)) {
      world.write(write);
      if (*rc::gen::inRange(0, 3) == 0) world.capture();
    }
    world.capture();
    auto expected = changes_since(world, start);
    for (const TakenOperation& taken : world.take_all()) {
      const auto found = expected.find({taken.op.ns(), sim::id_of(taken.op.document_key).number});
      RC_ASSERT(found != expected.end());  // nobody wrote it, it is out of scope, or it waits twice
      RC_ASSERT(taken.op.first_time == found->second.first);
      RC_ASSERT(taken.op.last_time == found->second.last);
      RC_ASSERT((taken.op.kind == OpKind::kDelete) == (found->second.kind == OpKind::kDelete));
      if (taken.op.whole())
        RC_ASSERT(taken.op.payload == *world.local.get(found->first.first, {found->first.second, false}));
      expected.erase(found);
    }
    RC_ASSERT(expected.empty());  // a write that is not in the queue
  });
}

// A call of the backup that does not come back until it is let go, or the time of the test is over.
class Hang {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    inside_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return released_; });
    released_ = true;
  }
  bool until_inside() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return inside_; });
  }
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }
  bool released() {
    const std::lock_guard lock(mutex_);
    return released_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool inside_ = false;
  bool released_ = false;
};

// While a lane hangs in a call to the backup, on a thread of its own as in the daemon, every write of the application
// is done, captured and queued, and the numbers are answered.
TEST(CaptureProps, Property05AsynchronousSyncExecution) {
  expect_property("Feature: dual-mongodb-sync, Property 5: Asynchronous sync execution", [] {
    WorldOptions options;
    options.pipeline.lanes = 1;
    World world(options);
    Hang hang;
    world.write({Write::Kind::kPut, 0, 9, false});
    world.capture();
    world.backup.before_write = [&] { hang.wait(); };
    const auto permit = world.breaker().try_acquire();
    RC_ASSERT(permit.has_value());
    Result<void> worked;
    std::jthread lane([&] { worked = world.lane(0).step(*permit, stopped()); });
    const bool inside = hang.until_inside();
    const auto writes = *any_writes(2, 8);
    for (const Write& write : writes) world.write(write);
    world.capture();
    const bool in_time = inside && !hang.released();
    const OpTime captured = world.queue().position().time;
    const QueueStats stats = world.queue().stats();
    const std::size_t reached = world.on_backup().size();
    hang.release();
    lane.join();
    world.backup.before_write = [] {};
    RC_ASSERT(in_time);  // something waited for the backup
    RC_ASSERT(captured == world.local.time());
    RC_ASSERT(stats.done == 0U);
    RC_ASSERT(reached == 0U);
    RC_ASSERT(worked.ok());
    world.settle();
    RC_ASSERT(world.differing().empty());
  });
}

// The application only writes to local; nothing of it knows of us. In the end the backup is equal.
TEST(CaptureProps, Property10TransparentSync) {
  expect_property("Feature: dual-mongodb-sync, Property 10: Transparent sync middleware", [] {
    WorldOptions options;
    options.seed = *rc::gen::arbitrary<std::uint64_t>();
    options.pipeline.lanes = *rc::gen::inRange<std::size_t>(1, 4);
    options.memory_operations = *rc::gen::inRange<std::size_t>(1, 10);
    World world(options);
    world.local.batch_events = *rc::gen::inRange<std::size_t>(1, 6);
    for (const Write& write : *any_writes(3, 5, true)) {
      world.write(write);
      switch (*rc::gen::inRange(0, 6)) {
        case 0: world.capture(); break;
        case 1: world.work(); break;
        case 2: world.restart(); break;
        default: break;
      }
    }
    world.settle();
    RC_ASSERT(world.differing().empty());
    RC_ASSERT(world.queue().applied_position() == world.local.time());
    RC_ASSERT(world.queue().stats().dead_letters == 0U);
  });
}

}  // namespace
}  // namespace dualsync::test
