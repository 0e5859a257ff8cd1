#include "dualsync/app/drill_command.h"

#include <sys/stat.h>

#include <thread>

#include "dualsync/app/drill_lock.h"
#include "dualsync/app/mongo_sides.h"
#include "dualsync/app/restore_target.h"
#include "dualsync/app/signals.h"
#include "dualsync/app/verify_command.h"
#include "dualsync/base/log.h"
#include "dualsync/mongo/mongoc_library.h"
#include "dualsync/mongo/uri_check.h"
#include "dualsync/observe/proof_file.h"
#include "dualsync/pipeline/drill.h"

namespace dualsync {
namespace {

constexpr std::chrono::minutes kOneAnswer{10};
constexpr std::chrono::milliseconds kSignalPoll{200};

}  // namespace

Result<DrillReport> drill_once(const Settings& settings, const DrillRequest& request, const RecheckOptions& recheck,
                               std::stop_token stop, const VerifyProgress& progress) {
  auto lock = DrillLock::take(settings.data_dir);
  if (!lock) return lock.error();
  auto sides = open_sides(settings, {kOneAnswer, {}});
  if (!sides) return sides.error();
  const bool to_local = request.to.empty();
  auto uri = check_uri(to_local ? settings.local_uri : request.to,
                       {to_local ? "MONGODB_LOCAL_URI" : "--to", false, to_local || settings.allow_insecure_backup});
  if (!uri) return uri.error();
  auto target = RestoreTarget::open(*uri, 1);
  if (!target) return target.error();
  if (auto facts = (*target)->deployment().probe(settings.connect_timeout); !facts) return facts.error().in("target");
  if (auto facts = sides->backup->deployment().probe(settings.connect_timeout); !facts)
    return facts.error().in("backup");
  DrillOptions options;
  options.owner = (*lock)->owner();
  options.namespaces = request.namespaces;
  options.compare = request.compare;
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

Result<DrillReport> run_drill(const Settings& settings, const DrillRequest& request, const VerifyProgress& progress) {
  ::umask(S_IRWXG | S_IRWXO);
  block_signals();
  log::configure(log::Level::kOff, settings.log_format);
  const MongocLibrary library;
  std::stop_source stop;
  const std::jthread signals([&stop](const std::stop_token& ended) {
    while (!ended.stop_requested()) {
      if (wait_for_signal(kSignalPoll) != 0) stop.request_stop();
    }
  });
  const auto recheck = ask_mirror(settings);
  if (!recheck) return recheck.error();
  return drill_once(settings, request, *recheck, stop.get_token(), progress);
}

}  // namespace dualsync
