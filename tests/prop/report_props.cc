// What is told about the work: the log and the metrics.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "dualsync/api/json_views.h"
#include "dualsync/base/log.h"
#include "dualsync/codec/bson.h"
#include "dualsync/pipeline/mirror.h"
#include "prop/prop_world.h"
#include "prop/property.h"

namespace dualsync::test {
namespace {

// The log's lines while `work` runs.
template <typename Work>
std::vector<nlohmann::json> logged_by(Work work) {
  log::configure(log::Level::kDebug, log::Format::kJson);
  ::testing::internal::CaptureStderr();
  work();
  std::istringstream text(::testing::internal::GetCapturedStderr());
  log::configure(log::Level::kOff, log::Format::kJson);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(text, line);) {
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    RC_ASSERT(parsed.is_object());
    lines.push_back(parsed);
  }
  return lines;
}

bool tells_of_an_operation(const nlohmann::json& line) { return line.at("module") == "worker" && line.contains("key"); }

std::string text_of(std::string_view document_key) { return to_json(document_key); }

// One line for each operation that got through (debug) and for each refusal (warn), with time, namespace, key, type,
// attempt and duration.
TEST(ReportProps, Property06SyncOperationLogging) {
  expect_property("Feature: dual-mongodb-sync, Property 6: Sync operation logging", [] {
    WorldOptions options;
    options.pipeline.retries_max = 1;
    World world(options);
    world.store.refuses = true;
    for (const Write& write : *any_writes(2, 6)) {
      world.refuse_next = *rc::gen::arbitrary<bool>();
      world.write(write);
    }
    world.capture();
    const auto waited = *rc::gen::inRange<std::int64_t>(0, 5000);
    world.clock.advance(std::chrono::milliseconds(waited));
    const auto lines = logged_by([&] { world.work(); });
    std::multiset<std::string> synced;
    std::multiset<std::string> failed;
    for (const auto& line : lines) {
      RC_ASSERT(line.at("time").get<std::string>().size() == std::string("2026-11-22T18:30:00.123Z").size());
      if (!tells_of_an_operation(line)) continue;
      const bool ok = line.at("level") == "debug";
      if (!ok) RC_ASSERT(line.at("level").get<std::string>() == "warn");
      if (!ok) RC_ASSERT(line.at("code").get<int>() == 121);
      RC_ASSERT(line.contains("error") == !ok);
      RC_ASSERT(!line.at("type").get<std::string>().empty());
      RC_ASSERT(line.at("attempt").get<int>() == 1);
      RC_ASSERT(line.at("duration_ms").get<std::int64_t>() == waited);
      (ok ? synced : failed).insert(line.at("namespace").get<std::string>() + " " + line.at("key").get<std::string>());
    }
    std::multiset<std::string> expected_synced;
    std::multiset<std::string> expected_failed;
    for (const Sent& sent : world.backup.sent) {
      if (!sent.ok && sent.kind == WriteItem::Kind::kDelta) continue;  // read again and sent whole at once
      (sent.ok ? expected_synced : expected_failed).insert(sent.ns.full() + " " + text_of(sent.document_key));
    }
    RC_ASSERT(synced == expected_synced);
    RC_ASSERT(failed == expected_failed);
  });
}

// The numbers of GET /api/sync/metrics against what a bystander has counted.
class Bystander {
 public:
  explicit Bystander(World& world)
      : world_(world), scope_(world.options.scope), seen_(world.local.time()), before_(metrics()) {}

  void captured() {
    for (const auto& [key, versions] : world_.local.history()) {
      for (const sim::Version& version : versions) {
        if (version.time <= seen_) continue;
        ++changes_;
        pending_.insert(key);
      }
    }
    seen_ = world_.local.time();
  }
  void worked() {
    for (; next_ < world_.backup.sent.size(); ++next_) {
      const Sent& sent = world_.backup.sent[next_];
      if (sent.ok) {
        ++successes_;
        pending_.erase({sent.ns, sim::id_of(sent.document_key).number});
      } else if (sent.kind != WriteItem::Kind::kDelta) {
        ++failures_;
      }
    }
  }
  void check() const {
    const auto now = metrics();
    RC_ASSERT(grown(now, "totalOperations") == changes_);
    RC_ASSERT(grown(now, "successfulSyncs") == successes_);
    RC_ASSERT(grown(now, "failedSyncs") == failures_);
    RC_ASSERT(now.at("queueSize").get<std::uint64_t>() == pending_.size());
    RC_ASSERT(grown(now, "coalescedOperations") == changes_ - successes_ - pending_.size());
  }
  std::uint64_t successes() const { return successes_; }
  nlohmann::ordered_json metrics() const {
    const Mirror mirror(world_.options.pipeline, scope_, world_.local, world_.backup, world_.queue(), world_.clock);
    return metrics_json(mirror.status());
  }

 private:
  std::uint64_t grown(const nlohmann::ordered_json& now, const char* name) const {
    return now.at(name).get<std::uint64_t>() - before_.at(name).get<std::uint64_t>();
  }

  World& world_;
  const Scope scope_;
  OpTime seen_;
  nlohmann::ordered_json before_;
  std::set<std::pair<Namespace, int>> pending_;
  std::uint64_t changes_ = 0;
  std::uint64_t successes_ = 0;
  std::uint64_t failures_ = 0;
  std::size_t next_ = 0;
};

TEST(ReportProps, Property07MetricsAccuracy) {
  expect_property("Feature: dual-mongodb-sync, Property 7: Metrics tracking accuracy", [] {
    WorldOptions options;
    options.pipeline.retries_max = 1000;
    World world(options);
    world.store.refuses = true;
    Bystander bystander(world);
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 10));
    for (const int step : steps) {
      world.refuse_next = *rc::gen::inRange(0, 4) == 0;
      switch (step) {
        case 0:
        case 1:
          world.capture();
          bystander.captured();
          break;
        case 2:
        case 3:
          world.work();
          bystander.worked();
          break;
        case 4: world.clock.advance(std::chrono::seconds(*rc::gen::inRange(0, 70))); break;
        case 5: world.restart(); break;
        default: world.write(*any_write(2, 4));
      }
      bystander.check();
    }
  });
}

// The average time from enqueue to acknowledgement: never outside of what single operations took.
TEST(ReportProps, Property07AverageSyncTime) {
  expect_property("Feature: dual-mongodb-sync, Property 7: Metrics tracking accuracy (average time)", [] {
    World world;
    const Bystander bystander(world);
    std::int64_t shortest = INT64_MAX;
    std::int64_t longest = 0;
    const auto rounds = *rc::gen::inRange(1, 5);
    for (int round = 0; round < rounds; ++round) {
      const auto took = *rc::gen::inRange<std::int64_t>(1, 100'000);
      shortest = std::min(shortest, took);
      longest = std::max(longest, took);
      const auto documents = *rc::gen::inRange(1, 10);
      for (int id = 1; id <= documents; ++id) world.write({Write::Kind::kPut, 0, id, false});
      world.capture();
      world.clock.advance(std::chrono::milliseconds(took));
      const std::int64_t finished = world.clock.unix_ms();
      world.work();
      RC_ASSERT(world.queue().stats().operations == 0U);
      const auto metrics = bystander.metrics();
      const double average = metrics.at("avgSyncTime").get<double>();
      RC_ASSERT(average >= static_cast<double>(shortest) - 0.01);
      RC_ASSERT(average <= static_cast<double>(longest) + 0.01);
      RC_ASSERT(world.queue().stats().last_done_ms == finished);
      RC_ASSERT(!metrics.at("lastSyncTimestamp").is_null());
    }
  });
}

}  // namespace
}  // namespace dualsync::test
