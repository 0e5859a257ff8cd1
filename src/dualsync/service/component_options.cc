#include "dualsync/service/component_options.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kCapturePause{3};
constexpr std::uint64_t kMemoryQueueBytes = 128U << 20U;  // of a queue that is not kept, unless a setting says more

}  // namespace

QueueOptions queue_options(const Settings& settings) {
  QueueOptions options;
  options.directory = settings.data_dir + "/queue";
  options.strict = settings.ordering == Ordering::kStrict;
  options.lanes = options.strict ? 1 : settings.lanes;
  options.memory_operations = settings.queue_max_size;
  options.bounds = {settings.queue_max_bytes, settings.disk_reserve_bytes};
  options.persist = settings.persist_queue;
  if (!settings.persist_queue) {
    // Memory is what has to be bounded, and nothing of weight is on the disk.
    options.bounds = {settings.queue_max_bytes > 0 ? settings.queue_max_bytes : kMemoryQueueBytes, 0};
  }
  return options;
}

PipelineOptions pipeline_options(const Settings& settings, const std::string& data_dir_trouble) {
  PipelineOptions options;
  options.strict = settings.ordering == Ordering::kStrict;
  options.lanes = options.strict ? 1 : settings.lanes;
  options.durable = settings.persist_queue;
  options.copy_threads = settings.copy_threads;
  options.capture_pause = kCapturePause;
  options.batch_size = settings.batch_size;
  options.batch_max = settings.batch_max;
  options.operations_per_second = settings.operations_per_second;
  options.bytes_per_second = settings.bytes_per_second;
  options.retries_max = settings.max_retries;
  options.worker_interval = settings.worker_interval;
  options.on_drop = settings.on_drop;
  options.mass_delete_percent = static_cast<int>(settings.mass_delete_percent);
  options.drop_retention = settings.drop_retention;
  options.ddl_poll_interval = settings.ddl_poll_interval;
  options.data_dir_trouble = data_dir_trouble;
  options.proof_dir = settings.data_dir;
  return options;
}

ScopeOptions scope_options(const Settings& settings, const std::string& local_db, const std::string& backup_db) {
  ScopeOptions scope;
  scope.local_db = local_db;
  scope.backup_db = backup_db;
  scope.included = settings.included_collections;
  scope.excluded = settings.excluded_collections;
  scope.database_map = settings.database_map;
  return scope;
}

}  // namespace dualsync
