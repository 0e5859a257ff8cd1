// LiveScan: every operation that the store holds, in the queue's order, wherever its record is (chunk.h tells where).
//
// Threads  one owner; the state of the moment when it was made
// Errors   a damaged chunk is one operation without a record, so that decoding it fails; what cannot be read ends the
//          scan, and status() tells
#pragma once

#include <rocksdb/iterator.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "dualsync/queue/chunk.h"
#include "dualsync/queue/rocks_store.h"

namespace dualsync {

class LiveScan {
 public:
  // A record that counts over the store's, while it is not in there (changes.h); an empty one: the store's counts.
  using Override = std::function<std::string_view(SeqNo)>;

  LiveScan(RocksStore& store, SeqNo from, const rocksdb::ReadOptions& options = {}, Override newer = {});

  bool valid() const { return valid_; }
  void next();
  SeqNo seq() const { return seq_; }
  std::string_view record() const { return record_; }     // until next()
  bool single() const { return single_; }                 // `operations` holds it
  SeqNo chunk() const { return in_chunk_ ? start_ : 0; }  // that holds it, too; 0: none
  ChunkMask chunk_live() const { return live_; }
  bool chunk_masked() const { return masked_; }
  Result<void> status() const;

 private:
  void settle();      // on the lower number of the two
  void read_chunk();  // from where chunks_ stands; start_ is 0 if there is no more
  void step_in_chunk(std::size_t index);

  const SeqNo from_;
  const Override newer_;
  std::string lower_;  // chunks_ does not look below it
  rocksdb::Slice lower_bound_;
  std::unique_ptr<rocksdb::Iterator> singles_;
  std::unique_ptr<rocksdb::Iterator> chunks_;
  std::string bytes_;  // of the chunk
  std::optional<ChunkView> view_;
  SeqNo start_ = 0;
  ChunkMask live_ = 0;
  bool masked_ = false;
  std::size_t index_ = 0;  // of the chunk's next operation

  bool odd_key_ = false;
  bool valid_ = false;
  bool single_ = false;
  bool in_chunk_ = false;
  SeqNo seq_ = 0;
  std::string_view record_;
};

}  // namespace dualsync
