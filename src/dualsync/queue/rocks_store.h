// The queue's directory: opening RocksDB, its column families, its errors, and what is stored in `meta`.
//
// Shape    docs/formats/queue.md
// Threads  any; RocksDB is thread-safe
// Errors   kConflict: another process owns the directory. kUnsupported: written by a newer version.
//          kCorruption, kIo: as RocksDB says
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/base/result.h"
#include "dualsync/queue/queue_types.h"

namespace dualsync {

inline constexpr std::uint32_t kQueueFormatVersion = 1;

Error rocks_error(const rocksdb::Status& status, std::string_view what);
Result<void> rocks_result(const rocksdb::Status& status, std::string_view what);

std::string seq_key(SeqNo seq);  // 8 bytes, big-endian: RocksDB's order is the queue's
SeqNo seq_of_key(std::string_view key);

class RocksStore {
 public:
  static Result<std::unique_ptr<RocksStore>> open(const std::string& directory, rocksdb::Env* env);
  // For looking at it: nothing is written, and a directory that a running process owns can be opened too, as it is at
  // this moment. kNotFound: there is no queue. A torn end of the write-ahead log is named in `notes`.
  static Result<std::unique_ptr<RocksStore>> open_read_only(const std::string& directory, rocksdb::Env* env,
                                                            std::vector<std::string>* notes);
  ~RocksStore();
  RocksStore(const RocksStore&) = delete;
  RocksStore& operator=(const RocksStore&) = delete;

  rocksdb::DB* db() { return db_.get(); }
  rocksdb::ColumnFamilyHandle* operations() { return families_[1]; }
  rocksdb::ColumnFamilyHandle* pending() { return families_[2]; }
  rocksdb::ColumnFamilyHandle* dead_letters() { return families_[3]; }
  rocksdb::ColumnFamilyHandle* meta() { return families_[4]; }
  rocksdb::ColumnFamilyHandle* withheld() { return families_[5]; }

  Result<void> write(rocksdb::WriteBatch* batch, bool sync = false);
  Result<void> sync();
  void without_log() { log_ = false; }  // nothing is to survive the process
  // Removes what is in `operations` and `pending` at once, files and all; a crash in between leaves them empty.
  Result<void> recreate_operations();
  Result<std::optional<std::string>> get_meta(std::string_view name);
  Result<std::vector<std::pair<std::string, std::string>>> scan_meta(std::string_view prefix);

  // Entries of `pending` below this sequence number speak of operations long gone; compaction drops them.
  void set_floor(SeqNo floor) { floor_->store(floor, std::memory_order_relaxed); }

 private:
  RocksStore() = default;
  void lay_out(rocksdb::Env* env);
  Result<void> check_format(bool read_only);

  bool log_ = true;
  rocksdb::DBOptions options_;
  std::vector<rocksdb::ColumnFamilyDescriptor> layout_;
  std::shared_ptr<std::atomic<SeqNo>> floor_ = std::make_shared<std::atomic<SeqNo>>(0);
  std::unique_ptr<rocksdb::CompactionFilter> filter_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

}  // namespace dualsync
