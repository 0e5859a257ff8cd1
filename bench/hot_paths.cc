// hot_paths: what the daemon does with every change, on fixed input without a server, for callgrind to count.
//
// Paths    decode           change events, mixed
//          merge            the updates of one document: two deltas become one
//          append-inserts   the queue, with RocksDB's files in memory; nothing merges
//          append-updates   most merge into what waits of the same document
//          append-mixed     as bench/operations.py mixes them
//          commands         the write commands of what was decoded
//          lane             takes batches of the mixed operations, builds their commands, and completes them
// Output   a line for each path: its name and its number of operations. Under `valgrind --tool=callgrind
//          --collect-atstart=no` a dump for each, triggered by its name (bench/hot_paths.py reads both)
//          --built-with: what the counts depend on, in one line
// Counts   of one thread, without what RocksDB does in its own; the clock stands still
#include <gnu/libc-version.h>
#include <rocksdb/env.h>
#include <rocksdb/version.h>
#include <valgrind/callgrind.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "counting_backup.h"
#include "dualsync/base/log.h"
#include "dualsync/codec/delta.h"
#include "dualsync/codec/event_decode.h"
#include "dualsync/mongo/write_command.h"
#include "dualsync/pipeline/lane.h"
#include "hot_events.h"

namespace dualsync::bench {
namespace {

constexpr std::size_t kOperations = 5000;
constexpr std::size_t kCommandBytes = 16U << 20U;

class StoppedClock final : public Clock {
 public:
  SteadyTime now() const override { return SteadyTime(std::chrono::hours(1)); }
  std::int64_t unix_ms() const override { return 1'700'000'000'000; }
};

const StoppedClock kClock;

void must(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "hot_paths: %s failed\n", what);
  std::exit(1);
}

// Counts what `path` does, and nothing else.
template <typename Path>
void count(const char* name, std::size_t operations, Path path) {
  CALLGRIND_ZERO_STATS;
  CALLGRIND_TOGGLE_COLLECT;
  path();
  CALLGRIND_TOGGLE_COLLECT;
  CALLGRIND_DUMP_STATS_AT(name);
  std::printf("%s %zu\n", name, operations);
}

std::unique_ptr<rocksdb::Env> memory_disk() {
  return std::unique_ptr<rocksdb::Env>(rocksdb::NewMemEnv(rocksdb::Env::Default()));
}

std::unique_ptr<SyncQueue> open_queue(rocksdb::Env* disk) {
  QueueOptions options;
  options.directory = "/queue";
  options.lanes = 1;
  options.clock = &kClock;
  options.bounds = {0, 0};
  options.env = disk;
  auto queue = SyncQueue::open(options);
  must(queue.ok(), "opening the queue");
  return std::move(*queue);
}

void append_all(SyncQueue& queue, const std::vector<AppendBatch>& batches) {
  for (const AppendBatch& batch : batches) must(queue.append(batch).ok(), "append");
}

WriteItem::Kind kind_of(OpKind kind) {
  switch (kind) {
    case OpKind::kInsert: return WriteItem::Kind::kInsert;
    case OpKind::kDelta: return WriteItem::Kind::kDelta;
    case OpKind::kDelete: return WriteItem::Kind::kDelete;
    default: return WriteItem::Kind::kReplace;
  }
}

// The commands that MongoBackupWriter sends for these items; returns their bytes.
std::uint64_t build_commands(const std::string& collection, std::span<const WriteItem> items) {
  using Kind = WriteItem::Kind;
  std::uint64_t bytes = 0;
  for (const Kind kind : {Kind::kDelete, Kind::kReplace, Kind::kDelta, Kind::kInsert}) {
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].kind == kind) places.push_back(i);
    }
    for (std::span<const std::size_t> chosen(places); !chosen.empty();) {
      BsonDoc command;
      const auto fits = build_write({kind, &collection, items, chosen, kCommandBytes, {}, false}, &command);
      must(fits.ok(), "building a command");
      bytes += command.bytes().size();
      chosen = chosen.subspan(*fits);
    }
  }
  return bytes;
}

// Builds what would be sent, and has written it.
class BuildingBackup final : public BackupSide {
 public:
  std::unique_ptr<DocumentReader> make_reader() override { return std::make_unique<AnyDocument>(); }
  std::unique_ptr<SchemaWriter> make_schema_writer() override { return nullptr; }
  std::unique_ptr<BackupWriter> make_writer() override { return std::make_unique<Writer>(); }

 private:
  class Writer final : public BackupWriter {
   public:
    Result<std::vector<WriteOutcome>> write(const Namespace& ns, std::span<const WriteItem> items) override {
      sent_ += build_commands(ns.collection, items);
      return std::vector<WriteOutcome>(items.size());
    }
    Result<std::vector<WriteOutcome>> write_atomically(const Namespace& ns, std::span<const WriteItem> items) override {
      return write(ns, items);
    }
    Result<std::vector<std::string>> find_equal(const Namespace&, std::string_view) override {
      return std::vector<std::string>();
    }
    bool settled() const override { return true; }
    Result<void> settle() override { return {}; }
    std::uint64_t bytes_sent() const override { return sent_; }
    DocumentReader& reader() override { return reader_; }

   private:
    AnyDocument reader_;
    std::uint64_t sent_ = 0;
  };
};

void decode() {
  const auto events = EventMaker(Events::kMixed).make(kOperations);
  count("decode", events.size(), [&events] {
    for (const std::string& event : events) {
      must(decode_event(event).kind == DecodedEvent::Kind::kDocument, "decoding");
    }
  });
}

void merge() {
  const auto events = EventMaker(Events::kUpdates).make(kOperations);
  const auto batches = batches_of(events);
  count("merge", kOperations - batches.size(), [&batches] {
    for (const AppendBatch& batch : batches) {
      for (std::size_t i = 1; i < batch.operations.size(); ++i) {
        must(merge_deltas(batch.operations[i - 1].payload, batch.operations[i].payload).has_value(), "merging");
      }
    }
  });
}

void append(const char* name, Events sort) {
  const auto disk = memory_disk();
  const auto queue = open_queue(disk.get());
  EventMaker maker(sort);
  const auto before = maker.make(kOperations);
  append_all(*queue, batches_of(before));
  const auto events = maker.make(kOperations);
  const auto batches = batches_of(events);
  count(name, events.size(), [&] { append_all(*queue, batches); });
}

void commands() {
  const auto events = EventMaker(Events::kMixed).make(kOperations);
  std::vector<WriteItem> items;
  for (const AppendBatch& batch : batches_of(events)) {
    for (const OperationView& op : batch.operations) items.push_back({kind_of(op.kind), op.document_key, op.payload});
  }
  const std::string collection = "documents";
  count("commands", items.size(), [&] { must(build_commands(collection, items) > 0, "building commands"); });
}

void lane() {
  const auto disk = memory_disk();
  const auto queue = open_queue(disk.get());
  const auto events = EventMaker(Events::kMixed).make(kOperations);
  append_all(*queue, batches_of(events));
  const Scope scope{{}};
  CountingLocal local;
  BuildingBackup backup;
  CircuitBreaker breaker(kClock, 1);
  PipelineCounters counters;
  PipelineOptions options;
  options.lanes = 1;
  PipelineContext context{options, scope, local, backup, *queue, breaker, counters, kClock};
  Lane worker(context, 0);
  count("lane", queue->stats().operations, [&] {
    while (queue->stats().operations > 0) must(worker.step(CircuitBreaker::Permit::kGo, {}).ok(), "a lane's step");
  });
}

void print_built_with() {
  std::printf("%s %s, %s, glibc %s, rocksdb %d.%d.%d, libbson %s\n",
#ifdef __clang__
              "clang",
#else
              "g++",
#endif
              __VERSION__, DUALSYNC_BUILD_TYPE, gnu_get_libc_version(), ROCKSDB_MAJOR, ROCKSDB_MINOR, ROCKSDB_PATCH,
              bson_get_version());
}

}  // namespace
}  // namespace dualsync::bench

int main(int argc, char** argv) {
  using namespace dualsync::bench;
  if (argc == 2 && std::strcmp(argv[1], "--built-with") == 0) {
    print_built_with();
    return 0;
  }
  dualsync::log::configure(dualsync::log::Level::kOff, dualsync::log::Format::kJson);
  decode();
  merge();
  append("append-inserts", Events::kInserts);
  append("append-updates", Events::kUpdates);
  append("append-mixed", Events::kMixed);
  commands();
  lane();
  return 0;
}
