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

// 2 stores new operations in chunks (chunk.h). A directory of format 1 is taken over by open().
inline constexpr std::uint32_t kQueueFormatVersion = 2;
inline constexpr std::uint32_t kQueueFormatOldest = 1;

Error rocks_error(const rocksdb::Status& status, std::string_view what);
Result<void> rocks_result(const rocksdb::Status& status, std::string_view what);

std::string seq_key(SeqNo seq);  // 8 bytes, big-endian: RocksDB's order is the queue's
SeqNo seq_of_key(std::string_view key);

// Where the record of an operation may be that is not in the window: under its number in `operations`, or else in a
// chunk (chunk.h).
struct DiskPlace {
  SeqNo seq = 0;
  SeqNo chunk = 0;      // the first number of its chunk; 0: it is in none
  bool merged = false;  // what stands in the chunk is known to be older: do not look there first

  static constexpr unsigned kOffsetBits = 6;
  static constexpr std::uint64_t kMergedBit = 1U << kOffsetBits;
  static constexpr unsigned kSeqShift = kOffsetBits + 1;
  std::uint64_t pack() const {
    return seq << kSeqShift | (merged ? kMergedBit : 0) | (chunk == 0 ? 0 : seq - chunk + 1);
  }
  static DiskPlace unpack(std::uint64_t packed) {
    const std::uint64_t offset = packed & (kMergedBit - 1);
    const SeqNo seq = packed >> kSeqShift;
    return {seq, offset == 0 ? 0 : seq - (offset - 1), (packed & kMergedBit) != 0};
  }
};

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
  // Null, if opened to look at only and written by a version that had none of them.
  rocksdb::ColumnFamilyHandle* withheld() { return families_[5]; }
  rocksdb::ColumnFamilyHandle* chunks() { return families_[6]; }
  rocksdb::ColumnFamilyHandle* changes() { return families_[7]; }

  Result<void> write(rocksdb::WriteBatch* batch, bool sync = false);
  Result<void> sync();
  void without_log() { log_ = false; }  // nothing is to survive the process
  // Removes what is in `operations`, `pending` and `chunks` at once, files and all; a crash in between leaves them
  // empty.
  Result<void> recreate_operations();
  Result<std::optional<std::string>> get_meta(std::string_view name);
  Result<std::vector<std::pair<std::string, std::string>>> scan_meta(std::string_view prefix);

  // Entries of `pending` below this sequence number speak of operations long gone; compaction drops them.
  void set_floor(SeqNo floor) { floor_->store(floor, std::memory_order_relaxed); }

 private:
  RocksStore() = default;
  void lay_out(rocksdb::Env* env);
  Result<void> check_format(bool read_only);
  Result<std::vector<std::string>> known_families(const std::string& directory) const;

  bool log_ = true;
  rocksdb::DBOptions options_;
  std::vector<rocksdb::ColumnFamilyDescriptor> layout_;
  std::shared_ptr<std::atomic<SeqNo>> floor_ = std::make_shared<std::atomic<SeqNo>>(0);
  std::unique_ptr<rocksdb::CompactionFilter> filter_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

}  // namespace dualsync
