#include "dualsync/queue/queue_admin.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "dualsync/codec/json_scan.h"
#include "dualsync/codec/operation_codec.h"
#include "dualsync/queue/queue_impl.h"

namespace dualsync {
namespace {

constexpr std::size_t kImportOperations = 500;  // of one append()
constexpr std::size_t kImportBytes = 8U << 20U;
constexpr const char* kImportVersion = "\"1.0\"";
constexpr const char* kExportForm = "an export starts with {\"version\":\"1.0\"";

// The oldest change of each namespace that the queue holds something of.
class Held {
 public:
  void add(const Namespace& ns, OpTime time) {
    const auto [entry, fresh] = oldest_.emplace(ns, time);
    if (!fresh) entry->second = std::min(entry->second, time);
  }
  const std::map<Namespace, OpTime>& all() const { return oldest_; }

 private:
  std::map<Namespace, OpTime> oldest_;
};

bool add_operation(std::string_view record, Held* held) {
  const auto op = decode_operation(record);
  if (!op) return false;
  if (op->kind != OpKind::kDdl) {
    held->add(op->ns(), op->first_time);
    return true;
  }
  const auto event = parse_ddl_event(op->payload);
  if (!event) return false;
  for (const Namespace& ns : event->concerns()) held->add(ns, op->first_time);
  return true;
}

Result<void> put_dirty(RocksStore& store, const Held& held, rocksdb::WriteBatch* batch) {
  for (const auto& [ns, time] : held.all()) {
    DirtyRange range{ns, "the queue was cleared", time.previous(), false, ""};
    const std::string name = std::string(kMetaDirtyPrefix) + ns.full();
    auto known = store.get_meta(name);
    if (!known) return known.error();
    if (*known) {
      auto decoded = decode_dirty(ns.full(), **known);
      if (!decoded) return decoded.error();
      // What was copied so far may lack what the queue held, so `progress` does not stay.
      range.first_copy = decoded->first_copy;
      range.gap_start = std::min(range.gap_start, decoded->gap_start);
    }
    batch->Put(store.meta(), name, encode_dirty(range));
  }
  return {};
}

Result<void> remove_ddl_entries(RocksStore& store, rocksdb::WriteBatch* batch) {
  auto entries = store.scan_meta(kMetaDdlPrefix);
  if (!entries) return entries.error();
  for (const auto& [key, event] : *entries) batch->Delete(store.meta(), std::string(kMetaDdlPrefix) + key);
  return {};
}

// What cannot be an export, said plainly. A file is read twice (checked, then imported), so it must be one that stays.
Result<void> looks_like_json(const std::string& path, std::istream& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return Error{ErrorKind::kInvalidArgument, "it is a directory", "name the file that `queue export` wrote", 0};
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return Error{ErrorKind::kInvalidArgument, "it is no regular file",
                 "everything is checked before anything is stored, so the file is read twice: save it first", 0};
  }
  std::array<char, 3> start{};
  file.read(start.data(), start.size());
  const std::string_view read(start.data(), static_cast<std::size_t>(file.gcount()));
  file.clear();
  file.seekg(0);
  if (read.empty()) return Error{ErrorKind::kInvalidArgument, "the file is empty", kExportForm, 0};
  // JSON starts with two ASCII characters; in UTF-16 and UTF-32 one of the first two bytes is 0 or a byte order mark.
  const bool utf16 = read.starts_with("\xff\xfe") || read.starts_with("\xfe\xff") ||
                     read.substr(0, 2).find('\0') != std::string_view::npos;
  if (utf16 || read.starts_with("\xef\xbb\xbf")) {
    return Error{ErrorKind::kInvalidArgument,
                 utf16 ? "the text is UTF-16 or UTF-32" : "the text starts with a byte order mark",
                 "an export is UTF-8 without a byte order mark; convert it, for example with iconv", 0};
  }
  return {};
}

// Calls `each` for every entry. `each` gets its number from 1 and its text.
template <typename Each>
Result<void> read_file(const std::string& path, Each each) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Error{ErrorKind::kInvalidArgument, "cannot read " + path + ": " + std::strerror(errno), "", 0};
  }
  DUALSYNC_TRY(looks_like_json(path, file));
  JsonScanner scanner(file);
  std::set<std::string> seen;
  DUALSYNC_TRY(scanner.object([&](const std::string& name) -> Result<void> {
    if (!seen.insert(name).second) {
      return Error{ErrorKind::kInvalidArgument, "field `" + name + "` is there twice", "", 0};
    }
    if (name == "operations") {
      return scanner.array([&](std::uint64_t index) -> Result<void> {
        auto entry = scanner.value();
        if (!entry) return entry.error().in("operation " + std::to_string(index + 1));
        auto done = each(*entry);
        return done ? done : done.error().in("operation " + std::to_string(index + 1));
      });
    }
    auto value = scanner.value();
    if (!value) return value.error();
    if (name == "version" && *value != kImportVersion) {
      return Error{ErrorKind::kUnsupported,
                   "field `version` is " + value->substr(0, 40) + "; this program knows \"1.0\"",
                   "nothing was imported; use the dualsync that wrote the file, or a newer one", 0};
    }
    return {};
  }));
  DUALSYNC_TRY(scanner.end());
  for (const char* needed : {"version", "operations"}) {
    if (!seen.contains(needed)) {
      return Error{ErrorKind::kInvalidArgument, std::string("field `") + needed + "` is missing", kExportForm, 0};
    }
  }
  return {};
}

Result<void> check_file(const std::string& path, const JsonRules& rules) {
  std::set<std::string> ids;
  return read_file(path, [&](const std::string& entry) -> Result<void> {
    JsonOperation operation;
    DUALSYNC_TRY(operation_from_json(entry, rules, &operation));
    if (ids.insert(operation.id).second) return {};
    return Error{ErrorKind::kInvalidArgument, "field `id`: " + operation.id + " is there twice", "", 0};
  });
}

// Collects operations until there are enough for one write.
class Importer {
 public:
  Importer(SyncQueue& queue, const JsonRules& rules) : queue_(queue), rules_(rules), now_(queue.position().time) {}

  Result<void> add(const std::string& entry) {
    auto operation = std::make_unique<JsonOperation>();
    DUALSYNC_TRY(operation_from_json(entry, rules_, operation.get()));
    OperationView& op = operation->op;
    if (op.first_time.is_null()) op.first_time = op.last_time = now_;
    if (!rules_.as_recorded && op.kind == OpKind::kDdl) return add_dirty(op);
    if (!rules_.as_recorded) {
      op.kind = OpKind::kTouch;
      op.payload = {};
      op.attempts = 0;
    }
    bytes_ += entry.size();
    operations_.push_back(std::move(operation));
    return operations_.size() < kImportOperations && bytes_ < kImportBytes ? Result<void>() : store();
  }
  Result<void> store() {
    AppendBatch batch;
    for (const auto& operation : operations_) batch.operations.push_back(operation->op);
    batch.dirty = std::move(dirty_);
    auto appended = queue_.append(batch);
    if (appended) {
      done_.operations += batch.operations.size();
      done_.dirty_ranges += batch.dirty.size();
    }
    operations_.clear();
    dirty_.clear();
    bytes_ = 0;
    return appended;
  }
  const ImportedQueue& done() const { return done_; }

 private:
  Result<void> add_dirty(const OperationView& op) {
    auto event = parse_ddl_event(op.payload);
    if (!event) return event.error();
    for (const Namespace& ns : event->concerns()) {
      dirty_.push_back({ns, "imported " + event->name, op.first_time.previous(), false, ""});
    }
    return {};
  }

  SyncQueue& queue_;
  const JsonRules& rules_;
  const OpTime now_;
  std::vector<std::unique_ptr<JsonOperation>> operations_;
  std::vector<DirtyRange> dirty_;
  std::size_t bytes_ = 0;
  ImportedQueue done_;
};

Result<void> must_exist(const std::string& directory, rocksdb::Env* env) {
  const bool there = env != nullptr ? env->FileExists(directory + "/CURRENT").ok()
                                    : std::filesystem::exists(std::filesystem::path(directory) / "CURRENT");
  if (there) return {};
  return Error{ErrorKind::kNotFound, "there is no queue in " + directory,
               "set SYNC_DATA_DIR to the daemon's data directory", 0};
}

}  // namespace

Result<ClearedQueue> clear_queue(const std::string& directory, rocksdb::Env* env) {
  DUALSYNC_TRY(must_exist(directory, env));
  auto opened = RocksStore::open(directory, env);
  if (!opened) return opened.error();
  RocksStore& store = **opened;
  ClearedQueue cleared;
  Held held;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  {
    auto changed = read_changes(store);
    if (!changed) ++cleared.unreadable;
    LiveScan scan(store, 0, options, newer_in(changed));
    for (; scan.valid(); scan.next()) {
      ++cleared.operations;
      if (!add_operation(scan.record(), &held)) ++cleared.unreadable;
    }
    // A block that cannot be read: what it held, and what stands behind it, is not known.
    if (!scan.status()) ++cleared.unreadable;
  }
  auto counter_bytes = store.get_meta(kMetaCounters);
  if (!counter_bytes) return counter_bytes.error();
  Counters counters;
  if (*counter_bytes)
    std::memcpy(&counters, (*counter_bytes)->data(), std::min((*counter_bytes)->size(), sizeof counters));
  if (cleared.unreadable > 0) {
    held.add({"", ""}, OpTime::unpack(counters.applied));
    cleared.operations = counters.operations;
  }
  counters.operations = 0;
  counters.bytes = 0;
  counters.floor = counters.next_seq;

  rocksdb::WriteBatch batch;
  DUALSYNC_TRY(put_dirty(store, held, &batch));
  DUALSYNC_TRY(remove_ddl_entries(store, &batch));
  for (rocksdb::ColumnFamilyHandle* family : {store.operations(), store.chunks(), store.changes()})
    batch.DeleteRange(family, std::string(), std::string(9, '\xff'));
  batch.Put(store.meta(), std::string(kMetaCounters),
            rocksdb::Slice(reinterpret_cast<const char*>(&counters), sizeof counters));
  DUALSYNC_TRY(store.write(&batch, true));
  DUALSYNC_TRY(store.recreate_operations());
  for (const auto& [ns, time] : held.all()) cleared.dirty.push_back(ns);
  return cleared;
}

Result<ImportedQueue> import_queue(const QueueOptions& options, const std::string& file, const JsonRules& rules) {
  DUALSYNC_TRY(check_file(file, rules));
  auto queue = SyncQueue::open(options);
  if (!queue) return queue.error();
  Importer importer(**queue, rules);
  auto stored = read_file(file, [&](const std::string& entry) { return importer.add(entry); });
  if (stored) stored = importer.store();
  if (stored) stored = (*queue)->sync();
  if (stored) return importer.done();
  // The file was whole a moment ago: it was changed meanwhile, or the queue's disk failed.
  Error error = stored.error();
  if (importer.done().operations > 0)
    error.hint = std::to_string(importer.done().operations) + " operations were stored before; import the file again";
  return error;
}

}  // namespace dualsync
