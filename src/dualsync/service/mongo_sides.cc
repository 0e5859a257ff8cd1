#include "dualsync/service/mongo_sides.h"

#include <algorithm>

#include "dualsync/mongo/uri_check.h"
#include "dualsync/service/component_options.h"

namespace dualsync {
namespace {

// The seed's pools: 10 connections to local, 5 to the backup (one per lane and one for repair). More lanes need more.
constexpr std::uint32_t kLocalClients = 10;
constexpr std::uint32_t kBackupClients = 5;
constexpr std::uint32_t kBackupClientsBesideData = 3;  // lease, DDL, a request of the API: lanes must not starve them
constexpr std::uint32_t kLocalClientsBesideLanes = 6;  // capture, full sync, two copy readers, tick, wait
constexpr std::uint32_t kIdentityClients = 2;          // the marker, the canary

}  // namespace

std::unique_ptr<ChangeSource> MongoLocal::make_change_source() { return deployment_->make_change_source(source_); }

Result<Sides> open_sides(const Settings& settings, const Waits& waits) {
  auto local_uri = check_uri(settings.local_uri, {"MONGODB_LOCAL_URI", false, true});
  if (!local_uri) return local_uri.error();
  DUALSYNC_TRY(require_backup(settings));
  auto backup_uri = check_uri(settings.atlas_uri, {"MONGODB_ATLAS_URI", true, settings.allow_insecure_backup});
  if (!backup_uri) return backup_uri.error();

  const ScopeOptions scope = scope_options(settings, local_uri->database, backup_uri->database);

  DeploymentOptions local_options;
  local_options.socket = waits.socket;
  local_options.max_clients =
      std::max(kLocalClients, settings.lanes + settings.copy_threads + kLocalClientsBesideLanes - 2) + kIdentityClients;
  auto local = Deployment::open(*local_uri, local_options);
  if (!local) return local.error();
  DeploymentOptions backup_options;
  backup_options.socket = waits.socket;
  if (waits.lease.count() > 0) {
    backup_options.socket = std::min(backup_options.socket, waits.lease / 2);
    backup_options.server_selection = std::min(backup_options.server_selection, waits.lease / 12);
    backup_options.connect = std::min(backup_options.connect, waits.lease / 12);
  }
  backup_options.max_clients = std::max(kBackupClients, settings.lanes + 1) + kBackupClientsBesideData;
  auto backup = Deployment::open(*backup_uri, backup_options);
  if (!backup) return backup.error();
  const Scope made(scope);
  const std::string state_database = scope.local_db.empty() ? "" : made.backup_database(scope.local_db);
  SourceOptions source;
  source.single_database = scope.local_db;
  source.post_images = settings.ordering == Ordering::kStrict;
  return Sides{std::make_unique<MongoLocal>(std::move(*local), source),
               std::make_unique<MongoBackup>(std::move(*backup), state_database), made};
}

}  // namespace dualsync
