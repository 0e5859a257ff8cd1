// DiskIndex: which operation of a document is the newest among those that only the disk holds.
//
// Shape    128-bit hash of the queue key (namespace and canonical document key) -> sequence number. Two keys with one
//          hash are taken to be one document: at 2^-128 a disk error is likelier
// Memory   at most kInMemoryMax entries of 24 bytes at a load of at most 70 %; a larger backlog spills all of them to
//          the column family `pending`, where entries may be stale (the caller checks), until the queue is empty
// Threads  none of its own: the queue's lock guards it
#pragma once

#include <rocksdb/write_batch.h>
#include <xxhash.h>

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "dualsync/queue/rocks_store.h"

namespace dualsync {

class DiskIndex {
 public:
  static constexpr std::size_t kInMemoryMax = 400'000;

  explicit DiskIndex(std::size_t in_memory_max = kInMemoryMax) : in_memory_max_(in_memory_max) {}

  using Hash = XXH128_hash_t;
  static Hash hash(std::string_view key) { return XXH3_128bits(key.data(), key.size()); }

  bool empty() const { return count_ == 0 && !spilled_; }
  bool spilled() const { return spilled_; }  // entries may be stale, and every new operation has to be entered

  // 0: none.
  Result<SeqNo> find(const Hash& hash, RocksStore& store) const;
  void put(const Hash& hash, SeqNo seq, RocksStore& store, rocksdb::WriteBatch* batch);
  // Forgets the entry if it names `seq`. Spilled entries are left to become stale.
  void erase(const Hash& hash, SeqNo seq);
  // What put() entered into a batch has been written (or never will be): it is found in the store from now on.
  void committed() { uncommitted_.clear(); }
  // The queue is empty: nothing is left to find.
  void clear(RocksStore& store, rocksdb::WriteBatch* batch);

 private:
  struct Slot {
    Hash hash{0, 0};
    SeqNo seq = 0;  // 0: free
  };

  std::size_t home(const Hash& hash) const { return hash.low64 & (slots_.size() - 1); }
  std::size_t probe(const Hash& hash) const;  // of the entry, or of the free slot where it would go
  void grow();
  void spill(RocksStore& store, rocksdb::WriteBatch* batch);

  const std::size_t in_memory_max_;
  std::vector<Slot> slots_;  // open addressing, linear probing; size is a power of two
  std::size_t count_ = 0;
  bool spilled_ = false;
  std::map<std::pair<std::uint64_t, std::uint64_t>, SeqNo> uncommitted_;  // while spilled
};

}  // namespace dualsync
