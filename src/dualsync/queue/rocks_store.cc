#include "dualsync/queue/rocks_store.h"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "dualsync/base/log.h"

namespace dualsync {
namespace {

constexpr std::string_view kFormatName = "format";

class PendingFilter final : public rocksdb::CompactionFilter {
 public:
  explicit PendingFilter(std::shared_ptr<std::atomic<SeqNo>> floor) : floor_(std::move(floor)) {}
  const char* Name() const override { return "dualsync.pending"; }
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& value, std::string*, bool*) const override {
    if (value.size() != sizeof(std::uint64_t)) return false;
    return DiskPlace::unpack(seq_of_key(value.ToStringView())).seq < floor_->load(std::memory_order_relaxed);
  }

 private:
  std::shared_ptr<std::atomic<SeqNo>> floor_;
};

class SilentLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// RocksDB's errors go to our own log. Its log file stands on the same disk as the queue: on a full one, writing to it
// ends the process (an assertion in its file writer).
class ErrorLog final : public rocksdb::Logger {
 public:
  ErrorLog() : rocksdb::Logger(rocksdb::ERROR_LEVEL) {}
  void Logv(const char* format, va_list values) override { Logv(rocksdb::ERROR_LEVEL, format, values); }
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list values) override {
    if (level < rocksdb::ERROR_LEVEL || level >= rocksdb::HEADER_LEVEL) return;
    std::array<char, 400> text{};
    std::vsnprintf(text.data(), text.size(), format, values);
    log::warn("queue", "store", {{"text", text.data()}});
  }
};

// Memory stays small whatever the backlog: 16 MiB of write buffer for payloads, 4 for the index, 8 MiB of cache.
// Records are written in ascending order, so an insert starts where the last one ended: the key's first bytes, which
// change every 65,536 operations, tell which "last one".
constexpr std::size_t kSequenceHintBytes = 6;
constexpr std::size_t kWriteBuffers = 20U << 20U;  // of all families together

rocksdb::ColumnFamilyOptions family_options(std::size_t write_buffer, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = write_buffer;
  options.max_write_buffer_number = 2;
  options.level_compaction_dynamic_level_bytes = true;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

Error rocks_error(const rocksdb::Status& status, std::string_view what) {
  ErrorKind kind = ErrorKind::kIo;
  std::string hint = "check the disk of SYNC_DATA_DIR: space, permissions, health";
  if (status.IsCorruption()) {
    kind = ErrorKind::kCorruption;
    hint = "keep a copy of SYNC_DATA_DIR; with an empty directory dualsync starts again by comparing everything";
  }
  return {kind, std::string(what) + ": " + status.ToString(), hint, static_cast<int>(status.code())};
}

Result<void> rocks_result(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return {};
  return rocks_error(status, what);
}

std::string seq_key(SeqNo seq) {
  const std::uint64_t swapped = __builtin_bswap64(seq);
  return {reinterpret_cast<const char*>(&swapped), sizeof swapped};
}

SeqNo seq_of_key(std::string_view key) {
  DUALSYNC_CHECK(key.size() == 8);
  std::uint64_t swapped = 0;
  std::memcpy(&swapped, key.data(), sizeof swapped);
  return __builtin_bswap64(swapped);
}

void RocksStore::lay_out(rocksdb::Env* env) {
  filter_ = std::make_unique<PendingFilter>(floor_);
  const auto cache = rocksdb::NewLRUCache(4U << 20U);

  options_.create_if_missing = true;
  options_.create_missing_column_families = true;
  options_.max_open_files = 64;
  options_.max_background_jobs = 2;
  options_.max_total_wal_size = 64U << 20U;
  options_.db_write_buffer_size = kWriteBuffers;
  options_.max_file_opening_threads = 1;  // a queue has a handful of files; a thread for each makes opening slower
  options_.info_log = std::make_shared<ErrorLog>();
  options_.allow_concurrent_memtable_write = false;  // one writer at a time: the queue's own lock
  options_.enable_write_thread_adaptive_yield = false;
  if (env != nullptr) {
    options_.env = env;
    options_.info_log = std::make_shared<SilentLog>();  // a disk in memory lacks much that RocksDB looks for
  }

  auto operations = family_options(16U << 20U, cache);
  // Most of what is flushed is done before it would be compacted: wait, and there is less to rewrite.
  operations.level0_file_num_compaction_trigger = 8;
  // Most operations live for a moment: squeezing them on the way through the upper levels would be work for nothing.
  // Only what stays (a long outage) reaches the levels that are compressed.
  operations.compression_per_level = {rocksdb::kNoCompression, rocksdb::kNoCompression, rocksdb::kNoCompression,
                                      rocksdb::kLZ4Compression, rocksdb::kLZ4Compression};
  operations.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(kSequenceHintBytes));
  // Deleted by then, most of them, too. Large values: a block of its own for each, and nothing to squeeze as above.
  auto chunks = operations;
  auto changes = operations;
  operations.write_buffer_size = 8U << 20U;
  auto pending = family_options(4U << 20U, cache);
  pending.compaction_filter = filter_.get();
  layout_ = {{rocksdb::kDefaultColumnFamilyName, family_options(1U << 20U, cache)},
             {"operations", operations},
             {"pending", pending},
             {"dead_letters", family_options(1U << 20U, cache)},
             {"meta", family_options(1U << 20U, cache)},
             {"withheld", family_options(1U << 20U, cache)},
             {"chunks", chunks},
             {"changes", changes}};
}

namespace {

// Without the file that says which others count, RocksDB takes a directory for an empty one, and removes what is there.
Result<void> not_headless(const std::string& directory, rocksdb::Env* disk) {
  if (disk->FileExists(directory + "/CURRENT").ok()) return {};
  std::vector<std::string> names;
  if (!disk->GetChildren(directory, &names).ok()) return {};
  for (const std::string& name : names) {
    const std::string_view type = std::string_view(name).substr(std::min(name.rfind('.'), name.size()));
    if (type != ".sst" && type != ".log") continue;
    return rocks_error(rocksdb::Status::Corruption("CURRENT is missing beside " + name),
                       "cannot open the queue in " + directory);
  }
  return {};
}

// RocksDB has no code of its own for a held lock, nor for rights: both are I/O errors that name the LOCK file.
bool may_lock(const std::string& directory) {
  const std::string lock = directory + "/LOCK";
  const bool there = ::faccessat(AT_FDCWD, lock.c_str(), F_OK, AT_EACCESS) == 0;
  return ::faccessat(AT_FDCWD, there ? lock.c_str() : directory.c_str(), R_OK | W_OK, AT_EACCESS) == 0;
}

}  // namespace

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::string& directory, rocksdb::Env* env) {
  std::unique_ptr<RocksStore> store(new RocksStore());
  store->lay_out(env);
  DUALSYNC_TRY(not_headless(directory, store->options_.env));
  if (auto known = store->known_families(directory); !known) return known.error();
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(store->options_, directory, store->layout_, &store->families_, &db);
  store->db_.reset(db);
  if (!status.ok()) {
    if (status.IsIOError() && env == nullptr && !may_lock(directory)) {
      return Error{ErrorKind::kIo, "no right to write to the queue in " + directory + ": " + status.ToString(),
                   "it belongs to the user that dualsync first ran as: run as that one, or set another SYNC_DATA_DIR",
                   0};
    }
    if (status.IsIOError() && status.ToString().find("LOCK") != std::string::npos) {
      return Error{ErrorKind::kConflict, "the queue in " + directory + " is in use by another process",
                   "only one dualsync may own a data directory; stop the other one, or set another SYNC_DATA_DIR", 0};
    }
    return rocks_error(status, "cannot open the queue in " + directory);
  }
  DUALSYNC_TRY(store->check_format(false));
  return store;
}

Result<std::unique_ptr<RocksStore>> RocksStore::open_read_only(const std::string& directory, rocksdb::Env* env,
                                                               std::vector<std::string>* notes) {
  std::unique_ptr<RocksStore> store(new RocksStore());
  store->lay_out(env);
  rocksdb::Env* disk = store->options_.env;
  if (!disk->FileExists(directory + "/CURRENT").ok()) {
    return Error{ErrorKind::kNotFound, "there is no queue in " + directory,
                 "set SYNC_DATA_DIR to the daemon's data directory", 0};
  }
  store->options_.info_log = std::make_shared<SilentLog>();  // what is wrong is in the answer
  store->options_.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  auto known = store->known_families(directory);
  if (!known) return known.error();
  std::vector<rocksdb::ColumnFamilyDescriptor> there;
  for (const auto& family : store->layout_) {
    if (std::find(known->begin(), known->end(), family.name) != known->end()) there.push_back(family);
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  constexpr int kTries = 5;  // a running process may remove a file between our reading its name and opening it
  rocksdb::Status status;
  for (int tried = 0; tried < kTries; ++tried) {
    // The last try takes the log as a start of the daemon would: up to the first record that is not whole.
    const bool last = tried + 1 == kTries;
    if (last) store->options_.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    rocksdb::DB* db = nullptr;
    const std::string before = status.ToString();
    status = rocksdb::DB::OpenForReadOnly(store->options_, directory, there, &handles, &db);
    store->db_.reset(db);
    if (!status.ok()) {
      if (!last) disk->SleepForMicroseconds(20'000);
      continue;
    }
    if (last) {
      notes->push_back("the write-ahead log ends in a record that is not whole (" + before +
                       "): what stood behind it is read again from local's oplog");
    }
    store->families_.assign(store->layout_.size(), nullptr);
    for (std::size_t i = 0, at = 0; i < store->layout_.size() && at < handles.size(); ++i) {
      if (store->layout_[i].name == there[at].name) store->families_[i] = handles[at++];
    }
    DUALSYNC_TRY(store->check_format(true));
    return store;
  }
  return rocks_error(status, "cannot open the queue in " + directory);
}

RocksStore::~RocksStore() {
  if (!db_) return;
  for (rocksdb::ColumnFamilyHandle* family : families_) {
    if (family != nullptr) db_->DestroyColumnFamilyHandle(family);
  }
  db_->Close();
}

// Those that the directory has; none, if it is new; all, if it cannot be read (opening it tells why). kUnsupported: one
// that this program does not know.
Result<std::vector<std::string>> RocksStore::known_families(const std::string& directory) const {
  std::vector<std::string> names;
  if (!options_.env->FileExists(directory + "/CURRENT").ok()) return names;
  if (!rocksdb::DB::ListColumnFamilies(options_, directory, &names).ok()) {
    names.clear();
    for (const auto& family : layout_) names.push_back(family.name);
    return names;
  }
  for (const std::string& name : names) {
    const bool known = std::any_of(layout_.begin(), layout_.end(), [&](const auto& one) { return one.name == name; });
    if (!known) {
      return Error{ErrorKind::kUnsupported,
                   "the queue in " + directory + " was written by a newer program: it has `" + name + "`",
                   "use the program that wrote it, or an empty SYNC_DATA_DIR", 0};
    }
  }
  return names;
}

// What format 2 added is empty in a directory of format 1, so that nothing has to be moved.
Result<void> RocksStore::check_format(bool read_only) {
  const std::string version = std::to_string(kQueueFormatVersion);
  auto found = get_meta(kFormatName);
  if (!found) return found.error();
  if (!*found && read_only) return Error{ErrorKind::kCorruption, "the queue names no format", "", 0};
  const bool older = *found && **found == std::to_string(kQueueFormatOldest);
  if (!*found || (older && !read_only)) {
    return rocks_result(db_->Put(rocksdb::WriteOptions(), meta(), std::string(kFormatName), version), "queue format");
  }
  if (**found != version && !older) {
    return Error{ErrorKind::kUnsupported, "the queue has format " + **found + "; this program knows format " + version,
                 "use the program that wrote it, or an empty SYNC_DATA_DIR", 0};
  }
  return {};
}

Result<void> RocksStore::write(rocksdb::WriteBatch* batch, bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync && log_;
  options.disableWAL = !log_;
  return rocks_result(db_->Write(options, batch), "queue write");
}

Result<void> RocksStore::sync() {
  if (!log_) return {};
  return rocks_result(db_->SyncWAL(), "queue sync");
}

Result<void> RocksStore::recreate_operations() {
  for (const std::size_t index : {std::size_t{1}, std::size_t{2}, std::size_t{6}}) {
    DUALSYNC_TRY(rocks_result(db_->DropColumnFamily(families_[index]), "queue clear"));
    DUALSYNC_TRY(rocks_result(db_->DestroyColumnFamilyHandle(families_[index]), "queue clear"));
    families_[index] = nullptr;
    DUALSYNC_TRY(rocks_result(db_->CreateColumnFamily(layout_[index].options, layout_[index].name, &families_[index]),
                              "queue clear"));
  }
  return {};
}

Result<std::optional<std::string>> RocksStore::get_meta(std::string_view name) {
  std::string value;
  const rocksdb::Status status =
      db_->Get(rocksdb::ReadOptions(), meta(), rocksdb::Slice(name.data(), name.size()), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return rocks_error(status, "queue read");
  return std::optional<std::string>(std::move(value));
}

Result<std::vector<std::pair<std::string, std::string>>> RocksStore::scan_meta(std::string_view prefix) {
  std::vector<std::pair<std::string, std::string>> entries;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions(), meta()));
  for (it->Seek(rocksdb::Slice(prefix.data(), prefix.size()));
       it->Valid() && it->key().starts_with(rocksdb::Slice(prefix.data(), prefix.size())); it->Next()) {
    entries.emplace_back(it->key().ToString().substr(prefix.size()), it->value().ToString());
  }
  if (!it->status().ok()) return rocks_error(it->status(), "queue read");
  return entries;
}

}  // namespace dualsync
