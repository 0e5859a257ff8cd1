// DiskIndex: which operation of a document is the newest among those that only the disk holds.
//
// Memory   at most as many entries of 24 bytes (hash_table.h) as it was told; a larger backlog spills all of them to
//          the column family `pending`, where entries may be stale (the caller checks), until the queue is empty
// Threads  none of its own: the queue's lock guards it
#pragma once

#include <rocksdb/write_batch.h>

#include <map>

#include "dualsync/queue/hash_table.h"
#include "dualsync/queue/rocks_store.h"

namespace dualsync {

class DiskIndex {
 public:
  explicit DiskIndex(std::size_t in_memory_max) : in_memory_max_(in_memory_max) {}

  bool empty() const { return table_.empty() && !spilled_; }
  bool spilled() const { return spilled_; }  // entries may be stale, and every new operation has to be entered

  // Its number is 0: none.
  Result<DiskPlace> find(const KeyHash& hash, RocksStore& store) const;
  void put(const KeyHash& hash, const DiskPlace& place, RocksStore& store, rocksdb::WriteBatch* batch);
  // Forgets the entry if it names `seq`. Spilled entries are left to become stale.
  void erase(const KeyHash& hash, SeqNo seq);
  // What put() entered into a batch has been written (or never will be): it is found in the store from now on.
  void committed() { uncommitted_.clear(); }
  // The queue is empty: nothing is left to find.
  void clear(RocksStore& store, rocksdb::WriteBatch* batch);

 private:
  void spill(RocksStore& store, rocksdb::WriteBatch* batch);

  const std::size_t in_memory_max_;
  HashTable<std::uint64_t> table_;  // packed places
  bool spilled_ = false;
  std::map<KeyHash, std::uint64_t> uncommitted_;  // while spilled
};

}  // namespace dualsync
