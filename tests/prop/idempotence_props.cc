// An operation that is sent again ends as if it had been sent once.
//
// Shape    each property makes one sort of change, and lets it be repeated in both ways that happen: the connection
//          breaks before or after the backup has carried it out, so that the lane sends it again; and the change stream
//          delivers it again, because the process ended before the position was stored
#include "prop/prop_world.h"
#include "prop/property.h"

namespace dualsync::test {
namespace {

// The events after `from` once more, as they came, behind what is already applied.
void deliver_again(World& world, OpTime from) {
  AppendBatch batch;
  std::vector<std::string> events;
  for (const auto& entry : world.local.oplog()) {
    if (from < entry.time) events.push_back(entry.event);
  }
  for (const std::string& event : events) {
    DecodedEvent decoded = decode_event(event);
    RC_ASSERT(decoded.kind == DecodedEvent::Kind::kDocument);
    batch.operations.push_back(decoded.op);
  }
  batch.position = world.queue().position();
  RC_ASSERT(world.queue().append(batch).ok());
}

// Sends what waits over a connection that breaks every other time, then once more from the stream.
void apply_again_and_again(World& world, OpTime from) {
  const auto repeats = *rc::gen::inRange(1, 4);
  for (int i = 0; i < repeats; ++i) {
    if (i > 0) deliver_again(world, from);
    world.backup_link.cut_percent = *rc::gen::element(0, 50, 80);
    const auto tries = *rc::gen::inRange(0, 8);
    for (int t = 0; t < tries; ++t) {
      world.work();
      world.clock.advance(std::chrono::minutes(2));
    }
    world.heal();
    world.settle();
  }
}

WorldOptions no_retries() {
  WorldOptions options;
  options.seed = *rc::gen::arbitrary<std::uint64_t>();
  options.pipeline.retries_max = 0;  // an error of any sort would make a dead letter
  return options;
}

std::size_t count(const World& world, WriteItem::Kind kind) {
  return static_cast<std::size_t>(std::count_if(world.backup.sent.begin(), world.backup.sent.end(),
                                                [&](const Sent& sent) { return sent.kind == kind; }));
}

TEST(IdempotenceProps, Property13Inserts) {
  expect_property("Feature: dual-mongodb-sync, Property 13: Idempotent insert operations", [] {
    World world(no_retries());
    const OpTime from = world.local.time();
    const auto ids = *rc::gen::unique<std::vector<int>>(rc::gen::inRange(1, 30));
    for (const int id : ids) world.write({Write::Kind::kPut, 0, id, false});
    world.capture();
    apply_again_and_again(world, from);
    RC_ASSERT(count(world, WriteItem::Kind::kInsert) >= ids.size());
    RC_ASSERT(world.differing().empty());
    RC_ASSERT(world.on_backup().size() == ids.size());
    RC_ASSERT(world.queue().stats().refused == 0U);
    RC_ASSERT(world.queue().stats().dead_letters == 0U);
  });
}

// The document is there already, with other content: it is updated to what local holds.
TEST(IdempotenceProps, Property13InsertsOverOtherDocuments) {
  expect_property("Feature: dual-mongodb-sync, Property 13: Idempotent insert operations (update what exists)", [] {
    World world(no_retries());
    const auto ids = *rc::gen::nonEmpty(rc::gen::unique<std::vector<int>>(rc::gen::inRange(1, 30)));
    for (const int id : ids) {
      const bool wide = *rc::gen::arbitrary<bool>();
      const std::string key = sim::key_of({id, wide});
      world.store.data()[world.ns(0)].documents[key] = sim::encode({id, wide}, {{"v", -1}});
      world.write({Write::Kind::kPut, 0, id, false});
    }
    world.settle();
    RC_ASSERT(world.differing().empty());
    RC_ASSERT(world.queue().stats().dead_letters == 0U);
    RC_ASSERT(world.context().counters.conflicts.load() >= ids.size());
  });
}

TEST(IdempotenceProps, Property14Updates) {
  expect_property("Feature: dual-mongodb-sync, Property 14: Idempotent update operations", [] {
    World world(no_retries());
    for (int id = 1; id <= 5; ++id) world.write({Write::Kind::kPut, 0, id, false});
    world.settle();
    world.backup.sent.clear();
    const OpTime from = world.local.time();
    using Kind = Write::Kind;
    const auto kinds = *rc::gen::nonEmpty(rc::gen::container<std::vector<Kind>>(
        rc::gen::element(Kind::kSetV, Kind::kSetA, Kind::kToggleB, Kind::kOpaque, Kind::kPut)));
    for (const Kind kind : kinds) world.write({kind, 0, *rc::gen::inRange(1, 6), false});
    world.capture();
    apply_again_and_again(world, from);
    RC_ASSERT(!world.backup.sent.empty());
    RC_ASSERT(world.differing().empty());
    RC_ASSERT(world.queue().stats().refused == 0U);
    RC_ASSERT(world.queue().stats().dead_letters == 0U);
  });
}

TEST(IdempotenceProps, Property15Deletes) {
  expect_property("Feature: dual-mongodb-sync, Property 15: Idempotent delete operations", [] {
    World world(no_retries());
    const auto ids = *rc::gen::nonEmpty(rc::gen::unique<std::vector<int>>(rc::gen::inRange(1, 30)));
    for (const int id : ids) world.write({Write::Kind::kPut, 0, id, false});
    world.settle();
    world.backup.sent.clear();
    const OpTime from = world.local.time();
    for (const int id : ids) {
      world.write({Write::Kind::kDelete, 0, id, false});
      // Some are gone from the backup before the delete arrives.
      if (*rc::gen::arbitrary<bool>()) world.store.data()[world.ns(0)].documents.erase(sim::key_of({id, false}));
    }
    world.capture();
    apply_again_and_again(world, from);
    RC_ASSERT(count(world, WriteItem::Kind::kDelete) >= ids.size());
    RC_ASSERT(world.on_backup().empty());
    RC_ASSERT(world.queue().stats().refused == 0U);
    RC_ASSERT(world.queue().stats().dead_letters == 0U);
    RC_ASSERT(world.queue().stats().operations == 0U);
  });
}

}  // namespace
}  // namespace dualsync::test
