#include "dualsync/app/daemon.h"

#include <sys/stat.h>

#include <csignal>

#include "dualsync/api/api_token.h"
#include "dualsync/app/signals.h"
#include "dualsync/base/log.h"
#include "dualsync/base/version.h"
#include "dualsync/cli/exit_codes.h"
#include "dualsync/mongo/mongoc_library.h"
#include "dualsync/service/data_dir.h"
#include "dualsync/service/service.h"
#include "dualsync/service/switched_off.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kSignalPoll{200};

int fail(const Error& error, int code) {
  log::error("daemon", error.message, {{"hint", error.hint}, {"kind", to_string(error.kind)}, {"exit_code", code}});
  return code;
}

// A signal, or a failure of the mirror.
std::optional<Error> wait_for_end(const Service* service) {
  for (;;) {
    const int signal = wait_for_signal(kSignalPoll);
    if (signal == SIGINT || signal == SIGTERM) {
      log::info("daemon", "stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
      return std::nullopt;
    }
    if (signal == SIGHUP) log::info("daemon", "settings are read at the start only; restart to change them");
    if (service == nullptr) continue;
    if (auto failure = service->failure()) return failure;
  }
}

int run_switched_off(const Settings& settings) {
  SwitchedOff control;
  auto api = start_api(settings, control);
  if (!api) return fail(api.error(), exit_code_of(api.error().kind));
  log::warn("daemon", "SYNC_ENABLED is not true: the mirror is off, nothing is read or written");
  static_cast<void>(wait_for_end(nullptr));
  (*api)->stop();
  remove_api_address(settings.data_dir);
  return kExitOk;
}

int run_mirror(const Settings& settings, const ServiceOptions& options) {
  const MongocLibrary library;  // outlives everything that talks to a server
  auto service = Service::start(settings, options);
  if (!service) return fail(service.error(), exit_code_of(service.error().kind));
  auto failure = wait_for_end(service->get());
  const QueueStats stats = (*service)->stop(failure ? std::chrono::milliseconds(0) : settings.shutdown_timeout);
  if (!failure) failure = (*service)->failure();
  if (failure) return fail(*failure, exit_code_of(failure->kind));
  log::info("daemon", "stopped", {{"waiting_operations", stats.operations}, {"synced_operations", stats.done}});
  return kExitOk;
}

}  // namespace

int run_daemon(const Settings& given) {
  Settings settings = given;
  block_signals();
  ::umask(S_IRWXG | S_IRWXO);  // whatever is written here holds the user's documents
  log::configure(settings.log_level, settings.log_format);
  log::info("daemon", "dualsync starts", {{"version", kVersion}, {"data_dir", settings.data_dir}});
  for (const std::string& warning : settings.warnings) log::warn("settings", warning);
  if (!settings.persist_queue) {
    log::info("settings",
              "SYNC_PERSIST_QUEUE=false: the queue lies in memory; after a restart it is read again from local");
  }
  const auto trouble = prepare_data_dir(&settings);
  if (!trouble) return fail(trouble.error(), kExitFailed);
  if (!trouble->empty()) {
    log::error("daemon", "SYNC_DATA_DIR_FALLBACK is used; what it does not know is compared and repaired",
               {{"reason", *trouble}, {"data_dir", settings.data_dir}});
  }
  if (!settings.enabled) return run_switched_off(settings);
  return run_mirror(settings, {true, *trouble});
}

}  // namespace dualsync
