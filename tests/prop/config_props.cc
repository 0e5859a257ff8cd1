// Settings decide what is done: from the text in the environment to what reaches the backup.
#include <filesystem>

#include "dualsync/config/config_load.h"
#include "dualsync/service/component_options.h"
#include "prop/prop_world.h"
#include "prop/property.h"

namespace dualsync::test {
namespace {

struct Chosen {
  std::vector<std::string> excluded;
  std::vector<std::string> included;
  std::size_t queue_max = 0;
  std::size_t batch_size = 0;
  std::size_t batch_max = 0;
  std::uint32_t retries = 0;
  std::size_t lanes = 0;
};

Chosen any_settings() {
  Chosen chosen;
  const auto some = [] {
    return *rc::gen::container<std::vector<std::string>>(
        rc::gen::element<std::string>("bills", "shop.goods", "s*", "shop.*s", "nothing", "other.bills"));
  };
  if (*rc::gen::arbitrary<bool>()) chosen.excluded = some();
  if (*rc::gen::arbitrary<bool>()) chosen.included = some();
  chosen.queue_max = *rc::gen::inRange<std::size_t>(1, 60);
  chosen.batch_size = *rc::gen::inRange<std::size_t>(1, 20);
  chosen.batch_max = chosen.batch_size + *rc::gen::inRange<std::size_t>(0, 20);
  chosen.retries = *rc::gen::inRange<std::uint32_t>(0, 7);
  chosen.lanes = *rc::gen::inRange<std::size_t>(1, 5);
  return chosen;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

Settings load(const Chosen& chosen) {
  const std::map<std::string, std::string> environment = {{"SYNC_EXCLUDED_COLLECTIONS", joined(chosen.excluded)},
                                                          {"SYNC_INCLUDED_COLLECTIONS", joined(chosen.included)},
                                                          {"SYNC_QUEUE_MAX_SIZE", std::to_string(chosen.queue_max)},
                                                          {"SYNC_BATCH_SIZE", std::to_string(chosen.batch_size)},
                                                          {"SYNC_BATCH_MAX", std::to_string(chosen.batch_max)},
                                                          {"SYNC_MAX_RETRIES", std::to_string(chosen.retries)},
                                                          {"SYNC_LANES", std::to_string(chosen.lanes)}};
  const auto settings = load_settings(
      {},
      [&](const std::string& name) {
        const auto found = environment.find(name);
        return found == environment.end() ? std::nullopt : std::optional<std::string>(found->second);
      },
      "/nonexistent/.env");
  RC_ASSERT(settings.ok());
  return *settings;
}

// By the words of the documentation, not by the code under test.
bool speaks_of(const std::vector<std::string>& patterns, const std::string& collection) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return pattern == collection || pattern == "shop." + collection ||
           (pattern == "shop.*s" && collection.back() == 's') || (pattern == "s*" && collection.front() == 's');
  });
}

TEST(ConfigProps, Property11ConfigurationBasedControl) {
  expect_property("Feature: dual-mongodb-sync, Property 11: Configuration-based sync control", [] {
    const Chosen chosen = any_settings();
    const Settings settings = load(chosen);
    WorldOptions options;
    options.pipeline = pipeline_options(settings, "");
    options.pipeline.copy_threads = 1;
    options.scope = scope_options(settings, "shop", "");
    options.memory_operations = queue_options(settings).memory_operations;
    RC_ASSERT(queue_options(settings).lanes == chosen.lanes);
    World world(options);

    // The last of bills' documents is one that the backup refuses.
    const int documents = *rc::gen::inRange(1, 60);
    for (int id = 1; id <= documents; ++id) {
      for (int collection = 0; collection < 3; ++collection) world.write({Write::Kind::kPut, collection, id, false});
    }
    world.store.refuses = world.refuse_next = true;
    world.write({Write::Kind::kPut, 0, documents + 1, false});
    world.settle();

    for (int collection = 0; collection < 3; ++collection) {
      const std::string& name = kCollections[static_cast<std::size_t>(collection)];
      const bool wanted =
          (chosen.included.empty() || speaks_of(chosen.included, name)) && !speaks_of(chosen.excluded, name);
      const auto found = world.store.data().find(world.ns(collection));
      const std::size_t there = found == world.store.data().end() ? 0 : found->second.documents.size();
      RC_ASSERT(there == (wanted ? static_cast<std::size_t>(documents) : 0U));
      if (collection > 0) continue;
      const auto tries = std::count_if(world.backup.sent.begin(), world.backup.sent.end(), [&](const Sent& sent) {
        return sim::id_of(sent.document_key).number == documents + 1;
      });
      RC_ASSERT(static_cast<std::uint32_t>(tries) == (wanted ? chosen.retries + 1 : 0U));
      RC_ASSERT(world.queue().stats().dead_letters == (wanted ? 1U : 0U));
    }
    RC_ASSERT(world.backup.largest_command() <= std::min(chosen.batch_max, chosen.queue_max));
    if (!world.backup.sent.empty()) {
      const std::size_t first = world.backup.sent.front().command;
      const auto size = std::count_if(world.backup.sent.begin(), world.backup.sent.end(),
                                      [&](const Sent& sent) { return sent.command == first; });
      RC_ASSERT(static_cast<std::size_t>(size) <= chosen.batch_size);
    }
  });
}

// A value out of its bounds is refused, naming the setting and what is allowed; nothing starts with another one.
TEST(ConfigProps, Property11WhatIsOutOfBoundsIsRefused) {
  expect_property("Feature: dual-mongodb-sync, Property 11: Configuration-based sync control (bounds)", [] {
    struct Bounds {
      std::string name;
      std::int64_t min;
      std::int64_t max;
    };
    // A batch starts with 100 operations and ends with 10,000 if nobody says otherwise: the one bounds the other.
    const std::vector<Bounds> all = {{"SYNC_QUEUE_MAX_SIZE", 1, 10'000'000},
                                     {"SYNC_LANES", 1, 64},
                                     {"SYNC_BATCH_SIZE", 1, 10'000},
                                     {"SYNC_BATCH_MAX", 100, 100'000},
                                     {"SYNC_MAX_RETRIES", 0, 1000}};
    const Bounds& bounds = all[*rc::gen::inRange<std::size_t>(0, all.size())];
    const auto value = *rc::gen::inRange<std::int64_t>(-10, bounds.max * 2);
    const auto settings = load_settings(
        {},
        [&](const std::string& name) {
          return name == bounds.name ? std::optional<std::string>(std::to_string(value)) : std::nullopt;
        },
        "/nonexistent/.env");
    RC_ASSERT(settings.ok() == (value >= bounds.min && value <= bounds.max));
    if (settings) return;
    RC_ASSERT(settings.error().kind == ErrorKind::kInvalidArgument);
    for (const std::string& part : {bounds.name, std::to_string(value)})
      RC_ASSERT(settings.error().message.find(part) != std::string::npos);
  });
}

}  // namespace
}  // namespace dualsync::test
