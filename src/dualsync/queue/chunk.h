// Chunks: what one append() stores of many new operations, as few values instead of one each.
//
// Shape    docs/formats/queue.md. A chunk holds the records of up to kOperations consecutive sequence numbers and is
//          written once. Which of them are still there tells a mask beside it, written when some are gone; when all
//          are gone, both are removed
// Rule     an operation is there if `operations` holds its number, or its chunk does with its bit in the mask. If both
//          do, the record in `operations` counts: a chunk's is never changed
// Units    bit i of a mask stands for the chunk's first number + i
// Threads  none of its own: the queue's lock guards it
// Errors   kCorruption: bytes that are no chunk; kIo
#pragma once

#include <rocksdb/write_batch.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dualsync/queue/rocks_store.h"

namespace dualsync {

using ChunkMask = std::uint32_t;

struct Chunk {
  static constexpr std::size_t kOperations = 32;
  // Of records: reading one operation back, to merge into it, copies its chunk.
  static constexpr std::size_t kBytes = 16U << 10U;

  static std::string live_key(SeqNo start);  // of its mask
  static bool is_live_key(std::string_view key);
  static ChunkMask bit(SeqNo start, SeqNo seq) { return ChunkMask{1} << (seq - start); }

  static void encode(const std::vector<std::string_view>& records, std::string* out);  // an empty one: none there
  static std::optional<ChunkMask> decode_mask(std::string_view bytes);
};

// What is in an encoded chunk; views its bytes.
class ChunkView {
 public:
  static std::optional<ChunkView> of(std::string_view bytes);
  ChunkMask members() const { return members_; }
  std::string_view record(std::size_t index) const {
    return bytes_.substr(ends_[index], ends_[index + 1] - ends_[index]);
  }

 private:
  std::string_view bytes_;
  ChunkMask members_ = 0;
  std::array<std::uint32_t, Chunk::kOperations + 1> ends_{};
};

// Which operations of which chunk are there, and the changes of that in the commit under way.
class ChunkTable {
 public:
  // A chunk that this commit writes, or that was just read.
  void learn(SeqNo start, ChunkMask live, bool masked);
  void erase(SeqNo start, SeqNo seq) { gone_[start] |= Chunk::bit(start, seq); }
  // The record of `seq`, if it is there.
  Result<bool> read(SeqNo start, SeqNo seq, RocksStore& store, std::string* record) const;
  // What erase() has named since the last time.
  Result<void> write(RocksStore& store, rocksdb::WriteBatch* batch);

 private:
  struct State {
    ChunkMask live = 0;
    bool masked = false;  // its mask has been written
  };
  static Result<std::optional<State>> find_stored(SeqNo start, RocksStore& store);

  // Not all: it can be found in the store again. So its memory is bounded.
  std::unordered_map<SeqNo, State> known_;
  std::unordered_map<SeqNo, ChunkMask> gone_;
};

}  // namespace dualsync
