#include "dualsync/service/drill_once.h"

#include <utility>

#include "dualsync/mongo/uri_check.h"
#include "dualsync/observe/proof_file.h"
#include "dualsync/service/drill_lock.h"
#include "dualsync/service/mongo_sides.h"
#include "dualsync/service/restore_target.h"

namespace dualsync {
namespace {

constexpr std::chrono::minutes kDrillAnswer{10};

}  // namespace

Result<DrillReport> drill_once(const Settings& settings, const DrillOrder& order, const std::string& to,
                               const RecheckOptions& recheck, std::stop_token stop,
                               const std::function<void(const CopyStatus&)>& progress) {
  auto lock = DrillLock::take(settings.data_dir);
  if (!lock) return lock.error();
  auto sides = open_sides(settings, {kDrillAnswer, {}});
  if (!sides) return sides.error();
  const bool to_local = to.empty();
  auto uri = check_uri(to_local ? settings.local_uri : to,
                       {to_local ? "MONGODB_LOCAL_URI" : "--to", false, to_local || settings.allow_insecure_backup});
  if (!uri) return uri.error();
  auto target = RestoreTarget::open(*uri, 1);
  if (!target) return target.error();
  if (auto facts = (*target)->deployment().probe(settings.connect_timeout); !facts) return facts.error().in("target");
  if (auto facts = sides->backup->deployment().probe(settings.connect_timeout); !facts)
    return facts.error().in("backup");
  DrillOptions options;
  options.owner = (*lock)->owner();
  options.namespaces = order.namespaces;
  options.compare = order.compare;
  options.bytes_per_second = settings.drill_bytes_per_second;
  options.reserve_bytes = settings.disk_reserve_bytes;
  options.recheck = recheck;
  const auto source_storage = sides->backup->deployment().make_storage_probe();
  const auto target_storage = (*target)->deployment().make_storage_probe();
  Drill drill(sides->scope,
              {*sides->local, *sides->backup, **target, *source_storage, *target_storage,
               sides->backup->deployment().make_kept_schemas(sides->backup->state_database())},
              system_clock(), options);
  auto report = drill.run(std::move(stop), progress);
  if (!report) return report;
  report->target = uri->hosts;
  if (report->sound() && report->whole) {
    DUALSYNC_TRY(
        update_proofs(settings.data_dir, [&](Proofs* proofs) { proofs->last_restore_ms = report->finished_ms; }));
  }
  return report;
}

}  // namespace dualsync
