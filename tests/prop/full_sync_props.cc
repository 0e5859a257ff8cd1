// Full sync: finds every difference, and never runs twice at a time.
#include <array>

#include "dualsync/pipeline/lease.h"
#include "prop/prop_world.h"
#include "prop/property.h"

namespace dualsync::test {
namespace {

using std::chrono::milliseconds;

enum class Where { kBoth, kLocalOnly, kBackupOnly, kDifferent, kOtherIdBytes };
void showValue(Where where, std::ostream& out) {  // NOLINT: RapidCheck's name
  static const char* const kNames[] = {"on both", "on local only", "on the backup only", "different",
                                       "other _id bytes"};
  out << kNames[static_cast<int>(where)];
}

// Puts documents where they are without any change event: as after a gap.
std::size_t plant(World& world, int collection, int id, Where where) {
  const Namespace ns = world.ns(collection);
  const sim::Id narrow{id, false};
  auto& there = world.store.data()[ns].documents;
  const std::string document = sim::encode(narrow, {{"v", id}});
  if (where != Where::kBackupOnly) world.local.insert(ns, narrow, {{"v", id}});
  switch (where) {
    case Where::kBoth: there[sim::key_of(narrow)] = document; return 0;
    case Where::kLocalOnly: return 1;
    case Where::kBackupOnly: there[sim::key_of(narrow)] = document; return 1;
    case Where::kDifferent: there[sim::key_of(narrow)] = sim::encode(narrow, {{"v", -1}}); return 1;
    case Where::kOtherIdBytes: there[sim::key_of({id, true})] = sim::encode({id, true}, {{"v", id}}); return 1;
  }
  return 0;
}

// Both sides differ in any way, and nothing tells of it but that the position is lost: what differs is identified,
// exactly that is written, and both sides are equal.
TEST(FullSyncProps, Property08DifferenceDetection) {
  expect_property("Feature: dual-mongodb-sync, Property 8: Full sync difference detection", [] {
    WorldOptions options;
    options.scope.excluded = {"staff"};
    World world(options);
    std::size_t differences = 0;
    for (int collection = 0; collection < 3; ++collection) {
      const auto ids = *rc::gen::unique<std::vector<int>>(rc::gen::inRange(1, 200));
      for (const int id : ids) {
        const auto where = *rc::gen::element(Where::kBoth, Where::kLocalOnly, Where::kBackupOnly, Where::kDifferent,
                                             Where::kOtherIdBytes);
        const std::size_t more = plant(world, collection, id, where);
        if (world.scope.contains(world.ns(collection))) differences += more;
      }
    }
    const Documents foreign = [&] {
      Documents kept;
      for (const auto& [key, document] : world.store.data()[world.ns(2)].documents) kept[{world.ns(2), key}] = document;
      return kept;
    }();
    RC_ASSERT(world.differing().size() == differences);
    world.local.insert(world.ns(2), {900, false}, {});  // an event that capture has not seen, or nothing is lost
    world.local.roll_over(0);
    world.settle();
    RC_ASSERT(world.differing().empty());
    std::set<std::pair<Namespace, int>> written;
    for (const Sent& sent : world.backup.sent) written.insert({sent.ns, sim::id_of(sent.document_key).number});
    RC_ASSERT(written.size() == differences);
    for (const auto& [key, document] : foreign)
      RC_ASSERT(world.store.data()[world.ns(2)].documents.at(key.second) == document);
  });
}

// In one process: what is asked for while a pass runs starts nothing beside it. It is kept, and is the next pass. Nor
// can another process start one on the same data directory until the first has ended.
TEST(FullSyncProps, Property09ConcurrentFullSyncPrevention) {
  expect_property("Feature: dual-mongodb-sync, Property 9: Concurrent full sync prevention", [] {
    World world;
    const auto documents = *rc::gen::inRange(1, 20);
    for (int id = 0; id <= documents; ++id) world.write({Write::Kind::kPut, 0, id, false});
    world.settle();
    auto& there = world.store.data()[world.ns(0)].documents;
    for (int id = 1; id <= documents; ++id) {  // never all: an empty backup is copied, not compared
      if (*rc::gen::arbitrary<bool>()) there.erase(sim::key_of({id, false}));
    }
    RC_ASSERT(world.queue().mark_dirty({world.ns(0), "asked for", world.local.time(), false, ""}).ok());
    const auto gap = world.queue().dirty_ranges().front().gap;
    const auto at_call = *rc::gen::inRange(0, documents);
    int calls = 0;
    std::uint64_t next_gap = 0;
    bool running = false;
    ErrorKind second = ErrorKind::kStopped;
    world.local_link.meanwhile = [&] {
      if (calls++ != at_call) return;
      running = world.full_sync().view().running;
      const auto other = SyncQueue::open(world.queue_options);
      if (!other) second = other.error().kind;
      RC_ASSERT(world.queue().mark_dirty({world.ns(0), "asked again", world.local.time(), false, ""}).ok());
      next_gap = world.queue().dirty_ranges().front().gap;
    };
    world.repair();
    world.local_link.meanwhile = [] {};
    RC_ASSERT(calls > at_call);
    RC_ASSERT(running);
    RC_ASSERT(second == ErrorKind::kConflict);
    RC_ASSERT(next_gap != gap);
    const auto left = world.queue().dirty_ranges();
    RC_ASSERT(left.size() == 1U);
    RC_ASSERT(left.front().gap == next_gap);
    world.settle();
    RC_ASSERT(world.differing().empty());
    world.stop_process();
    RC_ASSERT(SyncQueue::open(world.queue_options).ok());
  });
}

// The backup's one lease document.
struct LeaseServer {
  std::optional<LeaseRecord> record;
  bool replace(const Lease::Write& write) {
    const bool same =
        record.has_value() == write.expected.has_value() &&
        (!record || (record->epoch == write.expected->epoch && record->renewal == write.expected->renewal));
    if (same) record = write.next;
    return same;
  }
};

// A daemon of its own data directory on the same backup: its full sync asks the lease, as the daemon's gate does.
class Daemon final : public WriteGate {
 public:
  Daemon(const std::string& name, LeaseServer& server) : server_(server), lease_({}, holder(name)) {
    const auto from = world.queue().position();
    RC_ASSERT(world.queue().mark_dirty({world.ns(0), "asked for", from.time, false, ""}).ok());
    world.context().gate = this;
  }
  Result<void> may_write() const override {
    if (lease_.may_write(now())) return {};
    return Error{ErrorKind::kConnectivity, "not ours", "", 0};
  }
  void talk() {
    for (auto request = lease_.request(now()); request; request = lease_.request(now())) {
      if (const auto* write = std::get_if<Lease::Write>(&*request)) {
        lease_.write_answer(server_.replace(*write), now());
      } else {
        lease_.read_answer(server_.record, now());
      }
    }
  }
  void end() {
    if (const auto last = lease_.give_up()) server_.replace(*last);
  }
  // True if a pass was started.
  bool full_sync() {
    bool started = false;
    world.local_link.meanwhile = [&] { started = true; };
    world.repair();
    world.local_link.meanwhile = [] {};
    return started;
  }

  World world;

 private:
  static LeaseHolder holder(const std::string& name) {
    LeaseHolder one;
    one.installation = one.process = one.boot = one.host = name;
    return one;
  }
  BootTime now() const { return BootTime(world.clock.now().time_since_epoch()); }

  LeaseServer& server_;
  Lease lease_;
};

// Of two daemons on one backup, only the one with the lease starts a full sync; the other one not before that has
// ended.
TEST(FullSyncProps, Property09OneAtATimeAcrossProcesses) {
  expect_property("Feature: dual-mongodb-sync, Property 9: Concurrent full sync prevention (across processes)", [] {
    LeaseServer server;
    std::array<std::unique_ptr<Daemon>, 2> daemons = {std::make_unique<Daemon>("a", server),
                                                      std::make_unique<Daemon>("b", server)};
    const int first = *rc::gen::inRange(0, 2);
    daemons[first]->talk();
    RC_ASSERT(daemons[first]->may_write().ok());
    const auto waits = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 40'000));
    for (const int wait : waits) {
      for (int elapsed = 0; elapsed <= wait; elapsed += 2000) {
        for (const auto& daemon : daemons) daemon->world.clock.advance(milliseconds(2000));
        daemons[first]->talk();
        daemons[1 - first]->talk();
      }
      RC_ASSERT(!daemons[1 - first]->full_sync());
    }
    RC_ASSERT(daemons[first]->full_sync());
    daemons[first]->end();
    daemons[1 - first] = std::make_unique<Daemon>("c", server);
    daemons[1 - first]->talk();
    RC_ASSERT(daemons[1 - first]->full_sync());
  });
}

}  // namespace
}  // namespace dualsync::test
