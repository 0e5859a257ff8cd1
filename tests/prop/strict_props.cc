// Strict ordering: what the backup holds after each write is what local held at some moment, later and later ones.
//
// Shape    the whole state of all collections is looked at, after every command that the backup was sent: through
//          restarts, cut connections (before or after the backup carried a command out), a window smaller than the
//          queue, renames and drops. Local sends post-images
#include "prop/prop_world.h"
#include "prop/property.h"

namespace dualsync::test {
namespace {

WorldOptions strict_options() {
  WorldOptions options;
  options.seed = *rc::gen::arbitrary<std::uint64_t>();
  options.pipeline.lanes = 1;
  options.pipeline.strict = true;
  options.pipeline.on_drop = OnDrop::kMirror;
  options.pipeline.batch_size = *rc::gen::inRange<std::size_t>(1, 20);
  options.pipeline.batch_max = 20;
  options.memory_operations = *rc::gen::inRange<std::size_t>(1, 30);
  return options;
}

// Every state that local was in, and how far the backup has come.
class Course {
 public:
  explicit Course(World& world) : world_(world) {
    note();
    world.backup.after_write = [this] { look(); };
  }
  ~Course() {
    world_.backup.after_write = [] {};
  }

  void note() { states_.push_back(world_.on_local()); }
  void look() {
    const Documents now = world_.on_backup();
    while (at_ < states_.size() && states_[at_] != now) ++at_;
    RC_ASSERT(at_ < states_.size());  // the backup is in a state that local was never in, or has gone back
  }
  bool at_the_end() const { return states_[at_] == states_.back(); }

 private:
  World& world_;
  std::vector<Documents> states_;
  std::size_t at_ = 0;
};

void change_schema(World& world, Course* course) {
  const Namespace from = world.ns(*rc::gen::inRange(0, 2));
  if (!world.local.data().contains(from)) return;
  if (*rc::gen::arbitrary<bool>()) {
    world.local.rename(from, {"shop", "moved"});
  } else {
    world.local.drop(from);
  }
  course->note();
}

void one_step(World& world, Course* course) {
  switch (*rc::gen::weightedElement<int>({{6, 0}, {6, 1}, {1, 2}, {3, 3}, {1, 4}})) {
    case 0: return world.capture();
    case 1: world.work(); return world.clock.advance(std::chrono::seconds(2));
    case 2: return world.restart();
    case 3:
      world.backup_link.cut_percent = *rc::gen::element(0, 0, 40, 80);
      return world.clock.advance(std::chrono::minutes(1));
    default: return change_schema(world, course);
  }
}

TEST(StrictProps, TheBackupPassesThroughLocalsStatesInTheirOrder) {
  expect_property("Feature: dual-mongodb-sync, strict ordering: the backup is always a prefix of local's history", [] {
    World world(strict_options());
    world.local.post_images = true;
    Course course(world);
    for (const Write& write : *any_writes(2, 5, true)) {
      world.write(write);
      course.note();
      while (*rc::gen::inRange(0, 3) != 0) one_step(world, &course);
      world.ddl();
      course.look();
    }
    world.heal();
    world.settle();
    course.look();
    RC_ASSERT(course.at_the_end());
    RC_ASSERT(world.differing().empty());
    RC_ASSERT(world.queue().stats().coalesced == 0U);
  });
}

// A rename that replaces a collection takes two names at once: cut off in its middle, it must not leave one of them.
TEST(StrictProps, ARenameOverACollectionIsSeenAtOnceOrNotAtAll) {
  expect_property("Feature: dual-mongodb-sync, strict ordering: a rename over a collection has no middle", [] {
    World world(strict_options());
    world.local.post_images = true;
    Course course(world);
    for (int round = 0; round < 4; ++round) {
      const int from = *rc::gen::inRange(0, 2);
      for (int id = 1; id <= 2; ++id) {
        world.write({Write::Kind::kPut, from, 10 * round + id, false});
        course.note();
      }
      world.settle();
      world.local.rename(world.ns(from), {"shop", "moved"});
      course.note();
      world.capture();
      for (int step = 0; step < 12; ++step) {
        world.backup_link.cut_percent = step < 10 ? 60 : 0;
        world.clock.advance(std::chrono::minutes(2));
        world.work();
        world.ddl();
        course.look();
      }
      world.heal();
      world.settle();
      course.look();
    }
    RC_ASSERT(course.at_the_end());
  });
}

// Updates that cannot be repeated are read again, and may be ahead; but everything ends equal.
TEST(StrictProps, WithoutPostImagesTheBackupEndsEqual) {
  expect_property("Feature: dual-mongodb-sync, strict ordering: equal in the end without post-images", [] {
    World world(strict_options());
    Course course(world);
    world.backup.after_write = [] {};
    for (const Write& write : *any_writes(2, 5, true)) {
      world.write(write);
      while (*rc::gen::inRange(0, 3) != 0) one_step(world, &course);
      world.ddl();
    }
    world.heal();
    world.settle();
    RC_ASSERT(world.differing().empty());
    RC_ASSERT(world.queue().stats().dead_letters == 0U);
  });
}

// A refused document holds up what is behind it until it is a dead letter; then the others go on in their order.
TEST(StrictProps, NothingPassesARefusedOperation) {
  expect_property("Feature: dual-mongodb-sync, strict ordering: nothing passes a refused operation", [] {
    WorldOptions options = strict_options();
    options.pipeline.retries_max = *rc::gen::inRange<std::uint32_t>(0, 3);
    World world(options);
    world.local.post_images = true;
    const int ahead = *rc::gen::inRange(0, 5);
    const int behind = *rc::gen::inRange(1, 8);
    for (int id = 1; id <= ahead; ++id) world.write({Write::Kind::kPut, *rc::gen::inRange(0, 2), id, false});
    world.refuse_next = true;
    world.write({Write::Kind::kPut, 0, 100, false});
    world.refuse_next = false;
    const Documents refused = world.on_local();
    for (int id = 201; id <= 200 + behind; ++id) world.write({Write::Kind::kPut, *rc::gen::inRange(0, 3), id, false});
    world.store.refuses = true;
    world.capture();
    while (world.queue().stats().dead_letters == 0) {
      RC_ASSERT(world.on_backup().size() <= refused.size() - 1);
      world.work();
      world.clock.advance(std::chrono::seconds(30));
    }
    world.settle();
    RC_ASSERT(world.queue().stats().dead_letters == 1U);
    RC_ASSERT(world.on_backup().size() == world.on_local().size() - 1);
  });
}

}  // namespace
}  // namespace dualsync::test
