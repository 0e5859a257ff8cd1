#include "dualsync/service/service.h"

#include <random>
#include <utility>

#include "dualsync/api/api_token.h"
#include "dualsync/base/host.h"
#include "dualsync/base/log.h"
#include "dualsync/service/component_options.h"

namespace dualsync {
namespace {

constexpr std::chrono::seconds kOneAnswer{30};

void report_backup(const MongoBackup& backup, std::chrono::milliseconds timeout) {
  auto facts = backup.deployment().probe(timeout);
  if (facts) {
    log::info("service", "backup reached", {{"hosts", backup.deployment().hosts()}, {"version", facts->version}});
  } else {
    log::warn("service", "backup cannot be reached; changes are kept until it can",
              {{"error", facts.error().message}, {"hint", facts.error().hint}});
  }
}

// A new data directory knows no local. If the backup does, that must be heard before this one is taken as right; if the
// backup is away, capture goes on all the same, and the comparison follows before anything is written.
void ask_backup_first(const Guards& guards) {
  if (!guards.local_guard->first_start()) return;
  ignore_error(guards.writer->ask_backup(), "the lease asks again, and says so");
}

}  // namespace

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
  log::info("service", "API listens", {{"address", address.to_string()}});
  return server;
}

Result<std::unique_ptr<Service>> Service::start(const Settings& settings, const ServiceOptions& options) {
  auto sides = open_sides(settings, {kOneAnswer, settings.lease});
  if (!sides) return sides.error();
  std::unique_ptr<Service> service(new Service(settings, std::move(*sides)));
  DUALSYNC_TRY(service->open(options));
  return service;
}

Service::~Service() { stop(std::chrono::milliseconds(0)); }

Result<void> Service::open(const ServiceOptions& options) {
  DUALSYNC_TRY(reach_local());
  auto queue = SyncQueue::open(queue_options(settings_));
  if (!queue) return queue.error();
  queue_ = std::move(*queue);
  DUALSYNC_TRY(make_parts(options));
  if (options.serve_api) {
    auto api = start_api(settings_, *mirror_);
    if (!api) return api.error();
    api_ = std::move(*api);
  }
  ask_backup_first(guards_);
  start_threads();
  return {};
}

Result<void> Service::reach_local() {
  auto local = sides_.local->deployment().probe(settings_.connect_timeout);
  if (!local) {
    Error error = local.error().in("local MongoDB");
    error.kind = ErrorKind::kConnectivity;  // whatever keeps it from answering
    error.hint += error.hint.empty() ? "" : " ";
    error.hint +=
        "Is it running? Start it (systemctl start mongod, or mongod --replSet rs0 --dbpath <dir>), check "
        "MONGODB_LOCAL_URI, and try: mongosh <the same URI>.";
    return error;
  }
  log::info(
      "service", "local reached",
      {{"hosts", sides_.local->deployment().hosts()}, {"version", local->version}, {"replica_set", local->set_name}});
  standalone_ = local->is_standalone();
  return refuse_mixed_databases();
}

// Two databases of local in one of the backup would delete each other's documents.
Result<void> Service::refuse_mixed_databases() {
  if (settings_.database_map.empty() || !sides_.scope.single_database().empty()) return {};
  auto databases = sides_.local->make_reader()->list_databases();
  if (!databases) return databases.error().in("local MongoDB");
  for (const std::string& db : *databases) {
    if (!sides_.scope.collides(db)) continue;
    return Error{ErrorKind::kInvalidArgument,
                 "SYNC_DATABASE_MAP sends another database to " + db + ", where local's own " + db + " would go too",
                 "give each of them a name of its own on the backup, for example " + db + "=" + db + "_2", 0};
  }
  return {};
}

Result<void> Service::make_parts(const ServiceOptions& service_options) {
  auto guards = make_guards(settings_, sides_, standalone_, *queue_);
  if (!guards) return guards.error();
  guards_ = std::move(*guards);
  PipelineOptions options = pipeline_options(settings_, service_options.data_dir_trouble);
  options.canary_key = canary_key(settings_, sides_, guards_);
  mirror_ = std::make_unique<Mirror>(
      std::move(options), sides_.scope, *guards_.local, *sides_.backup, *queue_, system_clock(),
      MirrorGuards{guards_.writer.get(), guards_.local_guard.get(), guards_.backup.get()});
  drills_ = std::make_unique<DrillSchedule>(system_clock(), settings_.drill_interval, drill_hooks(settings_, *mirror_));
  verify_ = std::make_unique<VerifyService>(mirror_->context(), settings_.verify_interval,
                                            settings_.full_verify_interval, verify_hooks(settings_, *mirror_, guards_));
  DUALSYNC_TRY(verify_->load());
  history_ = std::make_unique<History>(settings_.data_dir, system_clock().unix_ms());
  canary_ =
      std::make_unique<Canary>(system_clock(), settings_.canary_interval, canary_hooks(sides_, *mirror_, guards_));
  const auto reconcile = standalone_ ? settings_.reconcile_interval : std::chrono::milliseconds(0);
  reconciler_ =
      std::make_unique<Reconciler>(system_clock(), reconcile, !queue_->position().empty(), reconcile_hooks(*mirror_));
  notifier_ = std::make_unique<Notifier>(NotifierOptions{settings_.alert_url, settings_.heartbeat_url, host_name()},
                                         make_web_hook(), std::random_device()());
  mirror_->attach({verify_.get(), drills_.get(), history_.get(), canary_.get(), reconciler_.get()});
  mirror_->watch([this](const Status& status) {
    const std::int64_t now = system_clock().unix_ms();
    notifier_->look(status, now);
    history_->look(status, now);
    summaries_.look(status, now);
  });
  return {};
}

void Service::start_threads() {
  running_ = true;
  mirror_->start();
  canary_thread_ = std::jthread([this](const std::stop_token& stop) { canary_->run(stop); });
  notifier_thread_ = std::jthread([this](const std::stop_token& stop) { notifier_->run(stop); });
  threads_.emplace_back([this](const std::stop_token& stop) { verify_->run(stop); });
  threads_.emplace_back([this](const std::stop_token& stop) { drills_->run(stop); });
  threads_.emplace_back([this](const std::stop_token& stop) { reconciler_->run(stop); });
  // Beside the mirror, which does not wait for the backup.
  threads_.emplace_back([this] { report_backup(*sides_.backup, settings_.connect_timeout); });
}

void Service::adopt(const Settings& now) {
  mirror_->set_limits(now.operations_per_second, now.bytes_per_second);
  verify_->set_intervals(now.verify_interval, now.full_verify_interval);
  drills_->set_interval(now.drill_interval);
  notifier_->set_urls(now.alert_url, now.heartbeat_url);
}

QueueStats Service::stop(std::chrono::milliseconds drain) {
  if (running_) {
    running_ = false;
    canary_thread_.request_stop();
    for (std::jthread& thread : threads_) thread.request_stop();
    canary_thread_.join();
    mirror_->stop(drain);
  }
  if (api_ != nullptr) {
    api_->stop();
    api_.reset();
    remove_api_address(settings_.data_dir);
  }
  threads_.clear();
  notifier_thread_ = {};
  if (queue_ == nullptr) return {};
  ignore_error(queue_->sync(), "everything was written; the sync only protects against a power cut right now");
  return queue_->stats();
}

}  // namespace dualsync
