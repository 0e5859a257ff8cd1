#include "dualsync/app/adopt_command.h"

#include <sys/stat.h>

#include <filesystem>

#include "dualsync/base/log.h"
#include "dualsync/observe/proof_file.h"
#include "dualsync/pipeline/collection_binding.h"
#include "dualsync/queue/sync_queue.h"
#include "dualsync/service/guards.h"

namespace dualsync {
namespace {

Result<std::unique_ptr<SyncQueue>> open_queue(const Settings& settings) {
  QueueOptions options;
  options.directory = settings.data_dir + "/queue";
  return SyncQueue::open(options);
}

}  // namespace

Result<AdoptReport> run_adopt(const Settings& settings, bool confirmed) {
  ::umask(S_IRWXG | S_IRWXO);  // as the daemon: the queue holds the user's documents
  log::configure(log::Level::kOff, settings.log_format);
  auto queue = open_queue(settings);
  if (!queue) return queue.error();
  const QueueStats stats = (*queue)->stats();
  const AdoptReport report{confirmed, stats.operations, stats.dead_letters};
  if (!confirmed) return report;
  auto installation = (*queue)->get_state(kStateInstallation);
  if (!installation) return installation.error();
  // Which collections of the backup are ours: what the new local lacks of them has to go, of others nothing.
  auto bound = (*queue)->list_state(kStateBound);
  if (!bound) return bound.error();
  // What waits in the queue is of the local that was: the comparison of everything takes its place. If this ends in
  // between, the backup still knows the other local, and the command can be given again.
  queue->reset();
  std::error_code failure;
  std::filesystem::remove_all(settings.data_dir + "/queue", failure);
  std::error_code no_matter;  // what was proven about the other local; the next proof replaces it
  std::filesystem::remove(proof_file_path(settings.data_dir), no_matter);
  if (failure) return Error{ErrorKind::kIo, "cannot empty the queue: " + failure.message(), "", failure.value()};
  queue = open_queue(settings);
  if (!queue) return queue.error();
  if (*installation) DUALSYNC_TRY((*queue)->put_state(kStateInstallation, **installation));
  for (const auto& [name, uuid] : *bound) DUALSYNC_TRY((*queue)->put_state(std::string(kStateBound) + name, uuid));
  DUALSYNC_TRY((*queue)->put_state(kStateCompareAll, "1"));
  DUALSYNC_TRY((*queue)->put_state(kStateAdopt, "1"));
  DUALSYNC_TRY((*queue)->sync());
  return report;
}

}  // namespace dualsync
