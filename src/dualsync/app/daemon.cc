#include "dualsync/app/daemon.h"

#include <sys/stat.h>

#include <csignal>
#include <random>
#include <thread>

#include "dualsync/api/api_server.h"
#include "dualsync/api/api_token.h"
#include "dualsync/app/component_options.h"
#include "dualsync/app/data_dir.h"
#include "dualsync/app/guards.h"
#include "dualsync/app/mongo_sides.h"
#include "dualsync/app/provers.h"
#include "dualsync/app/signals.h"
#include "dualsync/base/host.h"
#include "dualsync/base/log.h"
#include "dualsync/base/version.h"
#include "dualsync/cli/exit_codes.h"
#include "dualsync/mongo/mongoc_library.h"
#include "dualsync/observe/health.h"
#include "dualsync/observe/history.h"
#include "dualsync/observe/mirror_metrics.h"
#include "dualsync/observe/notifier.h"
#include "dualsync/observe/summary_log.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kSignalPoll{200};

int fail(const Error& error, int code) {
  log::error("daemon", error.message, {{"hint", error.hint}, {"kind", to_string(error.kind)}, {"exit_code", code}});
  return code;
}

// SYNC_ENABLED is not true: the API answers, and nothing is touched.
class SwitchedOff final : public Control {
 public:
  Status status() const override {
    Status status;
    status.capture = CaptureState::kDisabled;
    derive_health({}, &status);
    return status;
  }
  DayReport report() const override { return day_report({}, status(), system_clock().unix_ms()); }
  std::string prometheus_text() const override { return MirrorMetrics().text(status()); }
  Result<WaitOutcome> wait(std::chrono::milliseconds) override { return off(); }
  Result<std::vector<DeadLetter>> dead_letters(std::size_t) const override { return off(); }
  Result<void> retry_dead_letter(SeqNo) override { return off(); }
  Result<void> discard_dead_letter(SeqNo) override { return off(); }
  Result<FullSyncStatus> start_full_sync(const FullSyncRequest&) override { return off(); }
  Result<FullSyncStatus> cancel_full_sync() override { return off(); }
  FullSyncStatus full_sync() const override { return {}; }
  Result<QueueListing> queue_listing(std::size_t) const override { return off(); }
  Result<HeldDecision> decide_held(const Namespace&, bool) override { return off(); }
  Result<WithheldPage> held_documents(const Namespace&, const std::string&, std::size_t) const override {
    return off();
  }
  Result<ReportOutcome> report_changes(const ReportedChanges&) override { return off(); }
  Result<Status> pause() override { return off(); }
  Result<Status> resume() override { return off(); }
  Result<DrillStatus> start_drill(const DrillOrder&) override { return off(); }
  DrillStatus drill() const override { return {}; }
  Result<VerifyStatus> start_verify(const VerifyOrder&) override { return off(); }
  VerifyStatus verify() const override { return {}; }

 private:
  static Error off() {
    return {ErrorKind::kUnsupported, "the mirror is switched off", "set SYNC_ENABLED=true and start dualsync again", 0};
  }
};

Result<std::unique_ptr<ApiServer>> start_api(const Settings& settings, Control& control) {
  auto token = load_or_create_api_token(settings);
  if (!token) return token.error();
  auto server =
      std::make_unique<ApiServer>(control, ApiOptions{settings.http_listen.host, settings.http_listen.port, *token});
  auto port = server->start();
  if (!port) return port.error();
  ListenAddress address = settings.http_listen;
  address.port = static_cast<std::uint16_t>(*port);
  DUALSYNC_TRY(write_api_address(settings.data_dir, address));
  log::info("daemon", "API listens", {{"address", address.to_string()}});
  return server;
}

// A signal, or a failure of the mirror.
std::optional<Error> wait_for_end(const Mirror* mirror) {
  for (;;) {
    const int signal = wait_for_signal(kSignalPoll);
    if (signal == SIGINT || signal == SIGTERM) {
      log::info("daemon", "stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
      return std::nullopt;
    }
    if (signal == SIGHUP) log::info("daemon", "settings are read at the start only; restart to change them");
    if (mirror == nullptr) continue;
    if (auto failure = mirror->failure()) return failure;
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

Result<ServerFacts> probe_local(const Sides& sides, const Settings& settings) {
  auto facts = sides.local->deployment().probe(settings.connect_timeout);
  if (facts) return facts;
  Error error = facts.error().in("local MongoDB");
  error.hint += error.hint.empty() ? "" : " ";
  error.hint +=
      "Is it running? Start it (systemctl start mongod, or mongod --replSet rs0 --dbpath <dir>), check "
      "MONGODB_LOCAL_URI, "
      "and try: mongosh <the same URI>.";
  return error;
}

void report_backup(const MongoBackup& backup, std::chrono::milliseconds timeout) {
  auto facts = backup.deployment().probe(timeout);
  if (facts) {
    log::info("daemon", "backup reached", {{"hosts", backup.deployment().hosts()}, {"version", facts->version}});
  } else {
    log::warn("daemon", "backup cannot be reached; changes are kept until it can",
              {{"error", facts.error().message}, {"hint", facts.error().hint}});
  }
}

// A new data directory knows no local. If the backup does, that must be heard before this one is taken as right; if the
// backup is away, capture goes on all the same, and the comparison follows before anything is written.
void ask_backup_first(const Guards& guards) {
  if (!guards.local_guard->first_start()) return;
  ignore_error(guards.writer->ask_backup(), "the lease asks again, and says so");
}

int run_mirror(const Settings& settings, const Sides& sides, bool standalone, const std::string& data_dir_trouble) {
  auto queue = SyncQueue::open(queue_options(settings));
  if (!queue) return fail(queue.error(), exit_code_of(queue.error().kind));

  auto guards = make_guards(settings, sides, standalone, **queue);
  if (!guards) return fail(guards.error(), exit_code_of(guards.error().kind));
  PipelineOptions options = pipeline_options(settings, data_dir_trouble);
  options.canary_key = canary_key(settings, sides, *guards);
  Mirror mirror(std::move(options), sides.scope, *guards->local, *sides.backup, **queue, system_clock(),
                {guards->writer.get(), guards->local_guard.get()});
  DrillSchedule drills(system_clock(), settings.drill_interval, drill_hooks(settings, mirror));
  VerifyService verify(mirror.context(), settings.verify_interval, verify_hooks(settings, mirror, *guards));
  if (const auto loaded = verify.load(); !loaded) return fail(loaded.error(), exit_code_of(loaded.error().kind));
  History history(settings.data_dir, system_clock().unix_ms());
  Canary canary(system_clock(), settings.canary_interval, canary_hooks(sides, mirror, *guards));
  const auto reconcile = standalone ? settings.reconcile_interval : std::chrono::milliseconds(0);
  Reconciler reconciler(system_clock(), reconcile, !(*queue)->position().empty(), reconcile_hooks(mirror));
  mirror.attach({&verify, &drills, &history, &canary, &reconciler});
  Notifier notifier({settings.alert_url, settings.heartbeat_url, host_name()}, make_web_hook(), std::random_device()());
  SummaryLog summaries;
  mirror.watch([&notifier, &history, &summaries](const Status& status) {
    const std::int64_t now = system_clock().unix_ms();
    notifier.look(status, now);
    history.look(status, now);
    summaries.look(status, now);
  });
  auto api = start_api(settings, mirror);
  if (!api) return fail(api.error(), exit_code_of(api.error().kind));
  ask_backup_first(*guards);
  mirror.start();
  // They end before the mirror, which they ask.
  std::jthread notifier_thread([&notifier](const std::stop_token& stop) { notifier.run(stop); });
  std::jthread verify_thread([&verify](const std::stop_token& stop) { verify.run(stop); });
  std::jthread drill_thread([&drills](const std::stop_token& stop) { drills.run(stop); });
  std::jthread canary_thread([&canary](const std::stop_token& stop) { canary.run(stop); });
  std::jthread reconcile_thread([&reconciler](const std::stop_token& stop) { reconciler.run(stop); });
  std::optional<Error> failure;
  {
    // Beside the mirror, which does not wait for the backup.
    const std::jthread prober([&] { report_backup(*sides.backup, settings.connect_timeout); });
    failure = wait_for_end(&mirror);
  }
  verify_thread.request_stop();
  drill_thread.request_stop();
  canary_thread.request_stop();
  reconcile_thread.request_stop();
  canary_thread.join();  // what it wrote is captured and sent like all else
  mirror.stop(failure ? std::chrono::milliseconds(0) : settings.shutdown_timeout);
  (*api)->stop();
  remove_api_address(settings.data_dir);
  if (!failure) failure = mirror.failure();
  if (failure) return fail(*failure, exit_code_of(failure->kind));
  ignore_error((*queue)->sync(), "everything was written; the sync only protects against a power cut right now");
  const QueueStats stats = (*queue)->stats();
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

  const MongocLibrary library;  // outlives everything that talks to a server
  auto sides = open_sides(settings, {std::chrono::seconds(30), settings.lease});
  if (!sides) return fail(sides.error(), exit_code_of(sides.error().kind));
  auto local = probe_local(*sides, settings);
  if (!local) return fail(local.error(), kExitUnreachable);
  log::info(
      "daemon", "local reached",
      {{"hosts", sides->local->deployment().hosts()}, {"version", local->version}, {"replica_set", local->set_name}});
  return run_mirror(settings, *sides, local->is_standalone(), *trouble);
}

}  // namespace dualsync
