#include "dualsync/app/daemon.h"

#include <sys/stat.h>

#include <csignal>
#include <utility>

#include "dualsync/api/api_token.h"
#include "dualsync/app/signals.h"
#include "dualsync/base/log.h"
#include "dualsync/base/version.h"
#include "dualsync/cli/exit_codes.h"
#include "dualsync/config/config_change.h"
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

std::string names_of(const std::vector<std::string_view>& settings) {
  std::string text;
  for (const std::string_view name : settings) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

// The settings of the running daemon, and where they come from.
struct Reloader {
  Settings started;  // what counts for those that wait for a restart
  Settings now;      // as they were last read
  std::function<Result<Settings>()> again;

  // Nothing changes if one of them is bad. `service`: null while the mirror is off.
  void reload(Service* service) {
    Result<Settings> read = again();
    if (!read) {
      log::error("settings", "the settings are bad; all stay as they were: " + read.error().message,
                 {{"hint", read.error().hint}});
      return;
    }
    for (const std::string& warning : read->warnings) log::warn("settings", warning);
    const auto live = compare_settings(now, *read).live;
    const auto fixed = compare_settings(started, *read).fixed;
    log::configure(read->log_level, read->log_format);
    if (service != nullptr) service->adopt(*read);
    log::info("settings", "read again", {{"changed", names_of(live)}});
    if (!fixed.empty())
      log::warn("settings", "these changed too, and wait for a restart", {{"settings", names_of(fixed)}});
    now = std::move(*read);
  }
};

struct End {
  std::optional<Error> failure;           // of the mirror; nothing: a signal
  std::optional<std::string> moved_from;  // why SYNC_DATA_DIR_FALLBACK takes over
};

// `service` and `watch`: null while the mirror is off.
End wait_for_end(Service* service, DirectoryWatch* watch, Reloader* reloader) {
  for (;;) {
    const int signal = wait_for_signal(kSignalPoll);
    if (signal == SIGINT || signal == SIGTERM) {
      log::info("daemon", "stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
      return {};
    }
    if (signal == SIGHUP) reloader->reload(service);
    if (service == nullptr) continue;
    if (auto failure = service->failure()) return {std::move(failure), std::nullopt};
    if (auto reason = watch->given_up(service->queue().trouble(), system_clock().now())) return {{}, std::move(reason)};
  }
}

int run_switched_off(const Settings& settings, Reloader* reloader) {
  SwitchedOff control;
  auto api = start_api(settings, control);
  if (!api) return fail(api.error(), exit_code_of(api.error().kind));
  log::warn("daemon", "SYNC_ENABLED is not true: the mirror is off, nothing is read or written");
  static_cast<void>(wait_for_end(nullptr, nullptr, reloader));
  (*api)->stop();
  remove_api_address(settings.data_dir);
  return kExitOk;
}

void tell_fallback(const Settings& settings, const std::string& reason) {
  log::error("daemon", "SYNC_DATA_DIR_FALLBACK is used; what it does not know is compared and repaired",
             {{"reason", reason}, {"data_dir", settings.data_dir}});
}

// `trouble`: of prepare_data_dir().
int run_mirror(Settings settings, std::string trouble, Reloader* reloader) {
  const MongocLibrary library;  // outlives everything that talks to a server
  for (;;) {
    auto service = Service::start(settings, {true, trouble});
    if (!service) return fail(service.error(), exit_code_of(service.error().kind));
    (*service)->adopt(reloader->now);
    DirectoryWatch watch(settings);
    End end = wait_for_end(service->get(), &watch, reloader);
    const bool drain = !end.failure && !end.moved_from;
    const QueueStats stats = (*service)->stop(drain ? reloader->now.shutdown_timeout : std::chrono::milliseconds(0));
    if (drain) end.failure = (*service)->failure();
    if (end.failure) return fail(*end.failure, exit_code_of(end.failure->kind));
    if (!end.moved_from) {
      log::info("daemon", "stopped", {{"waiting_operations", stats.operations}, {"synced_operations", stats.done}});
      return kExitOk;
    }
    settings.data_dir = settings.data_dir_fallback;
    trouble = *end.moved_from;
    tell_fallback(settings, trouble);
  }
}

}  // namespace

int run_daemon(const Settings& given, const std::function<Result<Settings>()>& again) {
  Settings settings = given;
  Reloader reloader{given, given, again};
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
  if (!trouble->empty()) tell_fallback(settings, *trouble);
  if (!settings.enabled) return run_switched_off(settings, &reloader);
  return run_mirror(settings, *trouble, &reloader);
}

}  // namespace dualsync
