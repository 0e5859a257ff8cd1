// Order, detection of duplicates and merging in the real queue.
#include <set>

#include "prop/prop_world.h"
#include "prop/property.h"

namespace dualsync::test {
namespace {

using DocumentId = std::pair<Namespace, int>;

DocumentId id_of(const TakenOperation& taken) { return {taken.op.ns(), sim::id_of(taken.op.document_key).number}; }

// The documents in the order of their first change after `since`.
std::vector<DocumentId> first_changes(const World& world, OpTime since) {
  std::map<OpTime, DocumentId> in_order;
  for (const auto& [key, versions] : world.local.history()) {
    for (const sim::Version& version : versions) {
      if (version.time <= since) continue;
      in_order[version.time] = key;
      break;
    }
  }
  std::vector<DocumentId> order;
  for (const auto& [time, key] : in_order) order.push_back(key);
  return order;
}

std::size_t changes_after(const World& world, OpTime since) {
  std::size_t count = 0;
  for (const auto& [key, versions] : world.local.history()) {
    for (const sim::Version& version : versions) count += since < version.time ? 1 : 0;
  }
  return count;
}

// Design difference: a document's own order is kept, and documents come in the order of their first waiting change; a
// merge moves later changes of a document up to its place. Restarts and what was spilled to disk change nothing of it.
TEST(QueueProps, Property03OrderingPreservation) {
  expect_property("Feature: dual-mongodb-sync, Property 3: Sync queue ordering preservation", [] {
    WorldOptions options;
    options.pipeline.lanes = 1;
    options.memory_operations = *rc::gen::inRange<std::size_t>(1, 12);
    World world(options);
    std::map<DocumentId, OpTime> given;  // the newest change of each document that a lane has had
    const auto rounds = *rc::gen::inRange(1, 4);
    for (int round = 0; round < rounds; ++round) {
      const OpTime since = world.local.time();
      bool restarted = false;
      for (const Write& write : *any_writes(2, 8, true)) {
        world.write(write);
        if (*rc::gen::inRange(0, 4) == 0) world.capture();
        if (*rc::gen::inRange(0, 8) > 0) continue;
        world.restart();
        restarted = true;
      }
      world.capture();
      std::vector<DocumentId> order;
      for (;;) {
        const auto taken = world.take_all();
        if (taken.empty()) break;
        std::vector<Completion> done;
        for (const TakenOperation& one : taken) {
          const DocumentId id = id_of(one);
          order.push_back(id);
          RC_ASSERT(!given.contains(id) || given[id] < one.op.first_time);
          RC_ASSERT(one.op.first_time <= one.op.last_time);
          given[id] = one.op.last_time;
          done.emplace_back().seq = one.seq;
        }
        RC_ASSERT(world.queue().complete(done).ok());
      }
      // What waited on disk at a restart is not merged with before it is loaded: then a document may come twice.
      if (restarted) {
        std::set<DocumentId> seen;
        std::erase_if(order, [&](const DocumentId& id) { return !seen.insert(id).second; });
      }
      RC_ASSERT(order == first_changes(world, since));
    }
  });
}

// Equal `_id`s of other bytes (1 and 1L) are the same document, too; and what waits on disk is found as well.
TEST(QueueProps, Property16DuplicateDetection) {
  expect_property("Feature: dual-mongodb-sync, Property 16: Duplicate operation detection", [] {
    WorldOptions options;
    options.memory_operations = *rc::gen::inRange<std::size_t>(1, 12);
    World world(options);
    const OpTime since = world.local.time();
    const std::uint64_t coalesced_before = world.queue().stats().coalesced;
    for (const Write& write : *any_writes(2, 6, true)) {
      world.write(write);
      if (*rc::gen::inRange(0, 3) != 0) continue;
      world.capture();
      const std::size_t documents = first_changes(world, since).size();
      const QueueStats stats = world.queue().stats();
      RC_ASSERT(stats.operations == documents);
      RC_ASSERT(stats.coalesced - coalesced_before == changes_after(world, since) - documents);
    }
  });
}

// One operation reaches the backup for each document, whatever was queued, and it brings what local holds.
TEST(QueueProps, Property17DuplicateMerging) {
  expect_property("Feature: dual-mongodb-sync, Property 17: Duplicate operation merging", [] {
    WorldOptions options;
    options.memory_operations = *rc::gen::inRange<std::size_t>(1, 12);
    World world(options);
    for (const Write& write : *any_writes(2, 6)) world.write(write);  // what the backup holds at first
    world.settle();
    world.backup.sent.clear();
    const OpTime since = world.local.time();
    const std::uint64_t done_before = world.queue().stats().done;
    for (const Write& write : *any_writes(2, 6)) {
      world.write(write);
      if (*rc::gen::inRange(0, 3) == 0) world.capture();
    }
    world.capture();
    world.settle();
    const auto documents = first_changes(world, since);
    RC_ASSERT(world.queue().stats().done - done_before == documents.size());
    std::map<DocumentId, int> writes;
    for (const Sent& sent : world.backup.sent) {
      // A field that is new on the backup cannot be set by itself: the document is read again and sent whole.
      RC_ASSERT(sent.ok || sent.kind == WriteItem::Kind::kDelta);
      if (sent.ok) ++writes[{sent.ns, sim::id_of(sent.document_key).number}];
    }
    for (const auto& [id, count] : writes) RC_ASSERT(count == 1);
    RC_ASSERT(writes.size() == documents.size());
    RC_ASSERT(world.differing().empty());
  });
}

// While an operation is in flight nothing merges into it: what comes then is one more operation, and only one.
TEST(QueueProps, Property17DuplicateMergingWhileInFlight) {
  expect_property("Feature: dual-mongodb-sync, Property 17: Duplicate operation merging (in flight)", [] {
    World world;
    for (const Write& write : *any_writes(2, 4)) world.write(write);
    world.capture();
    const auto in_flight = world.take_all();
    const OpTime since = world.local.time();
    std::vector<std::string> payloads;
    for (const TakenOperation& one : in_flight) payloads.emplace_back(one.op.payload);
    for (const Write& write : *any_writes(2, 4)) world.write(write);
    world.capture();
    RC_ASSERT(world.queue().stats().operations == in_flight.size() + first_changes(world, since).size());
    RC_ASSERT(world.take_all().size() <= first_changes(world, since).size());
    for (std::size_t i = 0; i < in_flight.size(); ++i) RC_ASSERT(in_flight[i].op.payload == payloads[i]);
  });
}

}  // namespace
}  // namespace dualsync::test
