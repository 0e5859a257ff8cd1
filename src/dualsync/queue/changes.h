// ChangeLog: new records of operations in the window, all of one commit as one value.
//
// Shape    docs/formats/queue.md: family `changes`, number of the entry -> sequence numbers and records
// Rule     an entry never makes an operation: it counts only for one that is there (chunk.h), and then its newest one
//          counts over every other record of it. Only operations in the window have one
// Rule     entries go from the front, when no operation's newest record is in them any more. What keeps the front while
//          the rest grows is written to `operations` in the same commit
// Memory   kBytesMax of entries; eight bytes for each record in them
// Threads  none of its own: the queue's lock guards it
// Errors   kCorruption: an entry that does not add up; kIo
#pragma once

#include <rocksdb/write_batch.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/queue/live_scan.h"
#include "dualsync/queue/rocks_store.h"
#include "dualsync/queue/window.h"

namespace dualsync {

class ChangeLog {
 public:
  static constexpr std::size_t kBytesMax = 8U << 20U;

  // Calls `each` with number and record, in the order of writing. False: the entry does not add up.
  static bool read(std::string_view entry, const std::function<void(SeqNo, std::string_view)>& each);

  // The records as they are now become the newest entry.
  void put(const std::vector<WindowOp*>& ops, RocksStore& store, rocksdb::WriteBatch* batch);
  // The operation goes.
  void forget(const WindowOp& op);
  // Removes what is not needed, and what is too much.
  void trim(const Window& window, RocksStore& store, rocksdb::WriteBatch* batch);
  bool empty() const { return entries_.empty(); }
  // All that counts is in `operations` afterwards.
  void move_all(const Window& window, RocksStore& store, rocksdb::WriteBatch* batch);

 private:
  struct Entry {
    std::vector<SeqNo> seqs;
    std::size_t live = 0;  // whose newest record is here
    std::size_t bytes = 0;
  };
  void pop(const Window& window, RocksStore& store, rocksdb::WriteBatch* batch);
  Entry& entry(std::uint64_t number) { return entries_[number - first_]; }

  std::deque<Entry> entries_;
  std::uint64_t first_ = 1;  // number of the oldest one
  std::size_t bytes_ = 0;
  std::string heads_;  // scratch of put()
  std::vector<rocksdb::Slice> parts_;
};

// What the entries in a store say, for whoever reads it without being its owner.
Result<std::map<SeqNo, std::string>> read_changes(RocksStore& store);
LiveScan::Override newer_in(const Result<std::map<SeqNo, std::string>>& changes);  // which must outlive it
// Moves it to `operations`, as a store's new owner: afterwards there are no entries.
Result<void> fold_changes(RocksStore& store);

}  // namespace dualsync
