// Builds what decides whether the mirror may write (the lease) and whether local is the right one.
#pragma once

#include <memory>
#include <string>

#include "dualsync/pipeline/backup_guard.h"
#include "dualsync/pipeline/guarded_local.h"
#include "dualsync/pipeline/standalone_local.h"
#include "dualsync/pipeline/writer_guard.h"
#include "dualsync/service/mongo_sides.h"

namespace dualsync {

struct Guards {
  std::unique_ptr<StandaloneLocal> standalone;  // between local and its guard, if local is one
  std::unique_ptr<LocalGuard> local_guard;
  std::unique_ptr<GuardedLocal> local;
  std::unique_ptr<BackupGuard> backup;
  std::unique_ptr<WriterGuard> writer;
  std::string installation;  // of the data directory
};

// Opens the backup's writers for the holder of the lease only. Sides and queue must outlive the result. `standalone`:
// local has no change streams.
Result<Guards> make_guards(const Settings& settings, const Sides& sides, bool standalone, SyncQueue& queue);
// The same for any local.
Result<Guards> make_guards(const Settings& settings, LocalSide& local, std::unique_ptr<LocalProbe> probe,
                           MongoBackup& backup, const Scope& scope, SyncQueue& queue);

// 32 hex digits.
std::string random_id();

}  // namespace dualsync
