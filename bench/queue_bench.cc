// queue_bench: the queue by itself, in process, by Google Benchmark. No server, no network; bench/run runs it too.
//
// Scenarios  enqueue/memory    append and merge on 10,000 documents; RocksDB's files are in memory
//            enqueue/durable   the same on disk, each batch synced, as what comes through the API would be
//            enqueue/disk      the same on disk as capture does it: a kill loses nothing, the oplog covers a power cut
//            backlog           5,000,000 operations on 50,000 documents while the backup is away, on disk; then a lane
//                              applies them to a backup that only counts
// Numbers    items_per_second; cpuMicroseconds an operation, of the whole process with RocksDB's own threads
#include <benchmark/benchmark.h>
#include <rocksdb/env.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "counting_backup.h"
#include "dualsync/base/log.h"
#include "dualsync/pipeline/lane.h"
#include "queue_load.h"

namespace dualsync::bench {
namespace {

constexpr std::size_t kBatch = 1000;  // as many as a server hands out at once
constexpr std::int32_t kHotDocuments = 10'000;
constexpr std::int64_t kBacklogOperations = 5'000'000;
constexpr std::int32_t kBacklogDocuments = 50'000;
constexpr std::uint64_t kNoBound = 0;

enum class Storage { kMemory, kDisk, kSyncedDisk };

// A directory beside the program: not in a temporary file system, which is often memory.
class BenchDir {
 public:
  BenchDir() {
    std::string pattern = (std::filesystem::current_path() / "queue-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~BenchDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  BenchDir(const BenchDir&) = delete;
  BenchDir& operator=(const BenchDir&) = delete;
  std::string queue() const { return path_ + "/queue"; }

 private:
  std::string path_;
};

std::unique_ptr<SyncQueue> open_queue(const std::string& directory, rocksdb::Env* env) {
  QueueOptions options;
  options.directory = directory;
  options.lanes = 1;
  options.bounds = {kNoBound, 0};
  options.env = env;
  auto queue = SyncQueue::open(options);
  return queue ? std::move(*queue) : nullptr;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double peak_rss_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::strtod(line.c_str() + 6, nullptr) * 1024 / 1e6;
  }
  return 0;
}

void enqueue(benchmark::State& state, Storage storage, Load load) {
  const BenchDir directory;
  const std::unique_ptr<rocksdb::Env> env(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  const bool memory = storage == Storage::kMemory;
  const auto queue = open_queue(memory ? "/queue" : directory.queue(), memory ? env.get() : nullptr);
  if (!queue) return state.SkipWithError("the queue cannot be opened");
  LoadMaker maker(load, kHotDocuments, kBatch);
  const double cpu = cpu_seconds();
  for (auto _ : state) {
    if (!queue->append(maker.next())) return state.SkipWithError("append");
    if (storage == Storage::kSyncedDisk && !queue->sync()) return state.SkipWithError("sync");
  }
  const auto operations = static_cast<double>(state.iterations()) * kBatch;
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
  state.counters["cpuMicroseconds"] = (cpu_seconds() - cpu) * 1e6 / operations;
  state.counters["coalesced"] = static_cast<double>(queue->stats().coalesced) / operations;
}

// Applies all that waits, as the daemon's lane does; returns false on an error.
bool drain(SyncQueue& queue, CountingBackup& backup) {
  const Scope scope{{}};
  CountingLocal local;
  CircuitBreaker breaker(system_clock(), 1);
  PipelineCounters counters;
  PipelineOptions options;
  options.lanes = 1;
  PipelineContext context{options, scope, local, backup, queue, breaker, counters, system_clock()};
  Lane lane(context, 0);
  while (queue.stats().operations > 0) {
    if (!lane.step(CircuitBreaker::Permit::kGo, {})) return false;
  }
  return true;
}

void backlog(benchmark::State& state, Load load) {
  const BenchDir directory;
  const auto queue = open_queue(directory.queue(), nullptr);
  if (!queue) return state.SkipWithError("the queue cannot be opened");
  LoadMaker maker(load, kBacklogDocuments, kBatch);
  CountingBackup backup;
  using Time = std::chrono::steady_clock;
  for (auto _ : state) {
    const double cpu = cpu_seconds();
    const auto begin = Time::now();
    for (std::int64_t made = 0; made < kBacklogOperations; made += static_cast<std::int64_t>(kBatch)) {
      if (!queue->append(maker.next())) return state.SkipWithError("append");
    }
    const std::chrono::duration<double> enqueued = Time::now() - begin;
    state.counters["cpuMicroseconds"] = (cpu_seconds() - cpu) * 1e6 / static_cast<double>(kBacklogOperations);
    state.counters["enqueuedPerSecond"] = static_cast<double>(kBacklogOperations) / enqueued.count();
    state.counters["waiting"] = static_cast<double>(queue->stats().operations);
    state.counters["waitingMegabytes"] = static_cast<double>(queue->stats().bytes) / 1e6;
    if (!drain(*queue, backup)) return state.SkipWithError("drain");
    const std::chrono::duration<double> all = Time::now() - begin;
    state.counters["drainSeconds"] = all.count() - enqueued.count();
  }
  state.counters["writes"] = static_cast<double>(backup.writes());
  state.counters["peakRssMegabytes"] = peak_rss_megabytes();
  state.SetItemsProcessed(state.iterations() * kBacklogOperations);
}

}  // namespace

static void register_all() {
  const std::pair<const char*, Load> loads[] = {
      {"updates", Load::kUpdates}, {"documents", Load::kDocuments}, {"mixed", Load::kMixed}};
  const std::pair<const char*, Storage> storages[] = {
      {"memory", Storage::kMemory}, {"disk", Storage::kDisk}, {"durable", Storage::kSyncedDisk}};
  for (const auto& [where, storage] : storages) {
    for (const auto& [what, load] : loads) {
      const std::string name = std::string("enqueue/") + where + "/" + what;
      benchmark::RegisterBenchmark(name.c_str(), enqueue, storage, load)->UseRealTime()->Unit(benchmark::kMillisecond);
    }
  }
  for (const auto& [what, load] : loads) {
    const std::string name = std::string("backlog/") + what;
    benchmark::RegisterBenchmark(name.c_str(), backlog, load)->Iterations(1)->UseRealTime()->Unit(benchmark::kSecond);
  }
}

}  // namespace dualsync::bench

int main(int argc, char** argv) {
  dualsync::log::configure(dualsync::log::Level::kOff, dualsync::log::Format::kJson);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  dualsync::bench::register_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
