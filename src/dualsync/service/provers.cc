#include "dualsync/service/provers.h"

#include <array>
#include <utility>

#include "dualsync/codec/bson.h"
#include "dualsync/mongo/canary_writer.h"
#include "dualsync/observe/proof_file.h"
#include "dualsync/service/drill_once.h"
#include "dualsync/service/mongo_sides.h"

namespace dualsync {
namespace {

constexpr std::chrono::seconds kCatchUp{10};
// Short, because a stop waits for the answer to the command on its way.
constexpr std::chrono::seconds kProofAnswer{30};

std::function<Result<bool>(std::stop_token)> catch_up_with(Mirror& mirror) {
  return [&mirror](std::stop_token) -> Result<bool> {
    const auto outcome = mirror.wait(kCatchUp);
    if (!outcome) return outcome.error();
    return outcome->kind != WaitOutcome::Kind::kTimedOut;
  };
}

// Local over connections of its own, under the same guard as the mirror's.
class OwnLocal final : public LocalSide {
 public:
  OwnLocal(std::unique_ptr<MongoLocal> local, LocalGuard& guard) : local_(std::move(local)), guarded_(*local_, guard) {}
  std::unique_ptr<ChangeSource> make_change_source() override { return guarded_.make_change_source(); }
  std::unique_ptr<DocumentReader> make_reader() override { return guarded_.make_reader(); }

 private:
  const std::unique_ptr<MongoLocal> local_;
  GuardedLocal guarded_;
};

std::string key_of(const std::string& installation) {
  BsonDoc key;
  BSON_APPEND_UTF8(key.get(), "_id", installation.c_str());
  return key.str();
}

// A reader of its own each time, so that no connection to the backup is kept for it.
Result<std::optional<std::int64_t>> read_canary(BackupSide& backup, const std::string& key) {
  const Namespace ns{std::string(kMetadataDatabase), std::string(kCanaryCollection)};
  const std::array<std::string_view, 1> keys{key};
  std::optional<std::int64_t> count;
  const auto read = backup.make_reader()->find_by_ids(ns, keys, OpTime{}, [&count](std::string_view document) {
    bson_iter_t found;
    if (find_field(document, "count", &found) && BSON_ITER_HOLDS_INT64(&found)) count = bson_iter_int64(&found);
  });
  if (!read) return read.error();
  return count;
}

}  // namespace

DrillHooks drill_hooks(const Settings& settings, Mirror& mirror) {
  DrillHooks hooks;
  hooks.obstacle = [&mirror] { return drill_obstacle(mirror.status()); };
  hooks.last_success_ms = [directory = settings.data_dir] { return load_proofs(directory).last_restore_ms; };
  hooks.drill = [&settings, &mirror](const DrillOrder& order, const std::stop_token& stop) {
    RecheckOptions recheck;
    recheck.catch_up = catch_up_with(mirror);
    recheck.excepted = [&queue = mirror.context().queue](const Namespace& ns, std::string_view key) {
      return queue.is_withheld(ns, key);
    };
    return drill_once(settings, order, "", recheck, stop, [](const CopyStatus&) {});
  };
  return hooks;
}

VerifyHooks verify_hooks(const Settings& settings, Mirror& mirror, const Guards& guards) {
  VerifyHooks hooks;
  hooks.obstacle = [&mirror] { return drill_obstacle(mirror.status()); };
  hooks.catch_up = catch_up_with(mirror);
  hooks.refused = [&mirror] { return mirror.refused_repairs(); };
  hooks.proven = [directory = settings.data_dir](OpTime until) { return save_verified_until(directory, until); };
  hooks.connect = [&settings, &guard = *guards.local_guard]() -> Result<VerifySides> {
    auto sides = open_sides(settings, {kProofAnswer, {}});
    if (!sides) return sides.error();
    VerifySides own;
    own.local = std::make_unique<OwnLocal>(std::move(sides->local), guard);
    own.backup = std::move(sides->backup);
    return own;
  };
  return hooks;
}

std::string canary_key(const Settings& settings, const Sides& sides, const Guards& guards) {
  const bool carried = settings.canary_interval.count() > 0 && sides.scope.single_database().empty();
  return carried ? key_of(guards.installation) : std::string();
}

ReconcileHooks reconcile_hooks(Mirror& mirror) {
  ReconcileHooks hooks;
  hooks.obstacle = [&mirror] { return drill_obstacle(mirror.status()); };
  hooks.start = [&mirror](const FullSyncRequest& request) { return mirror.start_full_sync(request); };
  hooks.view = [&mirror] { return mirror.full_sync(); };
  return hooks;
}

CanaryHooks canary_hooks(const Sides& sides, Mirror& mirror, const Guards& guards) {
  CanaryHooks hooks;
  hooks.confirm = [&guard = *guards.local_guard] { return guard.confirm(); };
  hooks.write =
      [writer = std::shared_ptr<CanaryWriter>(sides.local->deployment().make_canary_writer(guards.installation)),
       reader = std::shared_ptr<DocumentReader>(guards.local->make_reader())](std::int64_t count) -> Result<OpTime> {
    auto written = writer->write(count, system_clock().unix_ms());
    if (!written || !written->is_null()) return written;
    return reader->cluster_time();  // a standalone server says no times; ours stands in for them
  };
  hooks.applied = [&mirror] { return mirror.context().queue.applied_position(); };
  hooks.acknowledged = [&mirror] { return mirror.context().queue.stats().done; };
  const std::string key = mirror.context().options.canary_key;
  if (!key.empty()) hooks.read = [&backup = *sides.backup, key] { return read_canary(backup, key); };
  return hooks;
}

}  // namespace dualsync
