#include "dualsync/service/guards.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "dualsync/base/host.h"
#include "dualsync/base/log.h"
#include "dualsync/observe/proof_file.h"

namespace dualsync {
namespace {

// Changes with every boot of the machine.
std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  return text.empty() ? random_id() : text;
}

Result<std::string> installation_id(SyncQueue& queue) {
  auto known = queue.get_state(kStateInstallation);
  if (!known) return known.error();
  if (*known) return **known;
  const std::string made = random_id();
  DUALSYNC_TRY(queue.put_state(kStateInstallation, made));
  DUALSYNC_TRY(queue.sync());
  return made;
}

LeaseHolder this_process(const Settings& settings, const std::string& installation) {
  LeaseHolder me;
  me.installation = installation;
  me.process = random_id();
  me.boot = boot_id();
  me.host = host_name();
  me.pid = ::getpid();
  std::error_code failure;
  const auto path = std::filesystem::canonical(settings.data_dir, failure);
  me.data_dir = failure ? settings.data_dir : path.string();
  me.since_ms = system_clock().unix_ms();
  return me;
}

// The lease must outlast a command and still leave time to renew it.
LeaseOptions lease_options(const Settings& settings, const MongoBackup& backup) {
  LeaseOptions options;
  options.timeout = backup.deployment().command_timeout();
  options.duration = std::max(settings.lease, options.timeout * 3 / 2);
  if (options.duration > settings.lease) {
    log::warn("lease", "SYNC_LEASE_SECONDS is raised, because the time-outs in MONGODB_ATLAS_URI are longer",
              {{"lease_ms", options.duration.count()}, {"timeout_ms", options.timeout.count()}});
  }
  return options;
}

}  // namespace

std::string random_id() {
  std::random_device random;  // the kernel's generator
  std::string hex;
  for (int i = 0; i < 4; ++i) hex += fmt::format("{:08x}", static_cast<std::uint32_t>(random()));
  return hex;
}

Result<Guards> make_guards(const Settings& settings, const Sides& sides, bool standalone, SyncQueue& queue) {
  auto probe = sides.local->deployment().make_local_probe();
  if (!standalone) return make_guards(settings, *sides.local, std::move(probe), *sides.backup, sides.scope, queue);
  auto wrapped = std::make_unique<StandaloneLocal>(*sides.local, system_clock());
  auto guards = make_guards(settings, *wrapped, std::move(probe), *sides.backup, sides.scope, queue);
  if (guards) guards->standalone = std::move(wrapped);
  return guards;
}

Result<Guards> make_guards(const Settings& settings, LocalSide& local, std::unique_ptr<LocalProbe> probe,
                           MongoBackup& backup, const Scope& scope, SyncQueue& queue) {
  auto installation = installation_id(queue);
  if (!installation) return installation.error();
  Guards guards;
  guards.local_guard = std::make_unique<LocalGuard>(std::move(probe), random_id(), queue, system_clock());
  guards.local = std::make_unique<GuardedLocal>(local, *guards.local_guard);
  guards.backup = std::make_unique<BackupGuard>(
      queue,
      BackupGuardOptions{scope.single_database(), backup.state_database(), random_id(), [dir = settings.data_dir] {
                           return update_proofs(dir, [](Proofs* proofs) { *proofs = {}; });
                         }});
  guards.writer = std::make_unique<WriterGuard>(lease_options(settings, backup), this_process(settings, *installation),
                                                backup.deployment().make_backup_state(backup.state_database()),
                                                *guards.local_guard, *guards.backup, system_clock());
  backup.set_gate(guards.writer.get());
  guards.installation = *installation;
  return guards;
}

}  // namespace dualsync
