#include "dualsync/engine.h"

#include <mongoc/mongoc.h>

#include <algorithm>
#include <array>
#include <utility>

#include "dualsync/api/json_views.h"
#include "dualsync/base/log.h"
#include "dualsync/base/version.h"
#include "dualsync/config/config_check.h"
#include "dualsync/config/config_load.h"
#include "dualsync/embed/engine_impl.h"
#include "dualsync/service/data_dir.h"

namespace dualsync {
namespace {

Result<Settings> settings_of(const EngineOptions& options) {
  const Environment nothing = [](const std::string&) { return std::nullopt; };
  const Environment environment = options.read_environment ? process_environment() : nothing;
  FlagValues given(options.settings.begin(), options.settings.end());
  // Who starts an engine wants it; the daemon, which a package may start, waits for a word.
  if (!environment("SYNC_ENABLED")) given.insert({"SYNC_ENABLED", "true"});
  auto settings = load_application_settings(given, environment);
  if (settings && settings->enabled) DUALSYNC_TRY(require_backup(*settings));
  return settings;
}

Result<std::string> prepare(Settings* settings) {
  log::info("engine", "dualsync starts", {{"version", kVersion}, {"data_dir", settings->data_dir}});
  for (const std::string& warning : settings->warnings) log::warn("settings", warning);
  auto trouble = prepare_data_dir(settings);
  if (trouble && !trouble->empty()) {
    log::error("engine", "SYNC_DATA_DIR_FALLBACK is used; what it does not know is compared and repaired",
               {{"reason", *trouble}, {"data_dir", settings->data_dir}});
  }
  return trouble;
}

std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<Failure> failure_of(const Result<Status>& outcome) {
  if (outcome) return std::nullopt;
  return to_failure(outcome.error());
}

}  // namespace

LogReceiver::LogReceiver(const EngineOptions& options) : set_(static_cast<bool>(options.log)) {
  if (!set_) return;
  log::send_to([receive = options.log](log::Level level, const std::string& line) {
    constexpr std::array kLevels{LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError};
    receive(kLevels[std::min(static_cast<std::size_t>(level), kLevels.size() - 1)], line);
  });
}

LogReceiver::~LogReceiver() {
  if (set_) log::send_to({});
}

std::unique_ptr<Engine> Engine::start(const EngineOptions& options, Failure* failure) {
  auto settings = settings_of(options);
  if (!settings) return refuse(settings.error(), failure);
  log::configure(settings->log_level, settings->log_format);
  auto impl = std::make_unique<Impl>(options);
  if (settings->enabled) {
    mongoc_init();
    const auto trouble = prepare(&*settings);
    if (!trouble) return refuse(trouble.error(), failure);
    auto service = Service::start(*settings, {options.serve_api, *trouble});
    if (!service) return refuse(service.error(), failure);
    impl->service = std::move(*service);
  } else {
    log::warn("engine", "SYNC_ENABLED is not true: the mirror is off, nothing is read or written");
  }
  impl->settings = std::move(*settings);
  return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Engine::~Engine() {
  stop(impl_->settings.shutdown_timeout);
  impl_->service.reset();
}

void Engine::stop(std::chrono::milliseconds drain) {
  if (impl_->service == nullptr || std::exchange(impl_->stopped, true)) return;
  const QueueStats stats = impl_->service->stop(failure() ? std::chrono::milliseconds(0) : drain);
  log::info("engine", "stopped", {{"waiting_operations", stats.operations}, {"synced_operations", stats.done}});
}

std::optional<Failure> Engine::failure() const {
  if (impl_->service == nullptr) return std::nullopt;
  const auto error = impl_->service->failure();
  if (!error) return std::nullopt;
  return to_failure(*error);
}

Engine::Caught Engine::wait(std::chrono::milliseconds timeout) {
  const auto outcome = impl_->control().wait(timeout);
  if (!outcome) return Caught::kNotYet;
  switch (outcome->kind) {
    case WaitOutcome::Kind::kDone: return Caught::kAll;
    case WaitOutcome::Kind::kExceptions: return Caught::kExceptions;
    case WaitOutcome::Kind::kTimedOut: break;
  }
  return Caught::kNotYet;
}

std::string Engine::status_json() const { return text_of(dualsync::status_json(impl_->control().status())); }
std::string Engine::metrics_json() const { return text_of(dualsync::metrics_json(impl_->control().status())); }
std::string Engine::health_json() const { return text_of(dualsync::health_json(impl_->control().status())); }

std::optional<Failure> Engine::pause() { return failure_of(impl_->control().pause()); }
std::optional<Failure> Engine::resume() { return failure_of(impl_->control().resume()); }

const char* version() { return kVersion.data(); }  // of a literal, which ends with a zero byte

}  // namespace dualsync
