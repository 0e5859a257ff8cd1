#include "dualsync/app/restore_command.h"

#include "dualsync/base/log.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/mongo/mongoc_library.h"
#include "dualsync/mongo/uri_check.h"
#include "dualsync/pipeline/restore.h"
#include "dualsync/service/mongo_sides.h"
#include "dualsync/service/restore_target.h"

namespace dualsync {
namespace {

constexpr std::chrono::minutes kOneAnswer{10};
constexpr std::uint32_t kClientsBesideThreads = 4;

// A restore onto the backup itself would read what it writes.
Result<void> refuse_backup_itself(const Settings& settings, const CheckedUri& target, const std::string& database,
                                  const Scope& scope) {
  auto backup = check_uri(settings.atlas_uri, {"MONGODB_ATLAS_URI", true, settings.allow_insecure_backup});
  if (!backup) return backup.error();
  const std::string& local_db = scope.single_database();
  const bool other_database = !local_db.empty() && database != scope.backup_database(local_db);
  if (backup->hosts != target.hosts || other_database) return {};
  return Error{ErrorKind::kInvalidArgument, "the target is the backup itself",
               "name another server, or another database of it, with --to", 0};
}

}  // namespace

Result<RestoreReport> run_restore(const Settings& settings, const RestoreRequest& request,
                                  const VerifyProgress& progress) {
  log::configure(log::Level::kOff, settings.log_format);
  const MongocLibrary library;
  Settings wide = settings;
  wide.lanes = std::max<decltype(wide.lanes)>(wide.lanes, settings.copy_threads + kClientsBesideThreads);
  auto sides = open_sides(wide, {kOneAnswer, {}});
  if (!sides) return sides.error();
  const bool to_local = request.to.empty();
  auto uri = check_uri(to_local ? settings.local_uri : request.to,
                       {to_local ? "MONGODB_LOCAL_URI" : "--to", false, to_local || settings.allow_insecure_backup});
  if (!uri) return uri.error();
  RestoreOptions options;
  options.namespaces = request.namespaces;
  for (const std::string& id : request.ids) options.ids.push_back(id_key_from_text(id));
  if (!to_local && !uri->database.empty()) {
    if (sides->scope.single_database().empty()) {
      return Error{ErrorKind::kInvalidArgument, "--to names a database, but the scope is all databases",
                   "leave it out, or name one database in MONGODB_LOCAL_URI", 0};
    }
    options.target_database = uri->database;
  }
  options.force = request.force;
  options.dry_run = request.dry_run;
  options.threads = settings.copy_threads;
  const std::string database =
      options.target_database.empty() ? sides->scope.single_database() : options.target_database;
  DUALSYNC_TRY(refuse_backup_itself(settings, *uri, database, sides->scope));
  auto target = RestoreTarget::open(*uri, options.threads);
  if (!target) return target.error();
  if (auto facts = (*target)->deployment().probe(settings.connect_timeout); !facts) return facts.error().in("target");
  if (auto facts = sides->backup->deployment().probe(settings.connect_timeout); !facts)
    return facts.error().in("backup");
  Restore restore(sides->scope, *sides->backup,
                  sides->backup->deployment().make_kept_schemas(sides->backup->state_database()), **target,
                  system_clock(), options);
  auto report = restore.run({}, progress);
  if (report) report->target = uri->hosts;
  return report;
}

}  // namespace dualsync
