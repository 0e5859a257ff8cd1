#include "dualsync/queue/chunk.h"

#include <cstring>

namespace dualsync {
namespace {

constexpr char kChunkVersion = 1;
constexpr char kLiveSuffix = 'm';
constexpr std::size_t kChunkHead = 4;  // version, count, two zero bytes; then the length of each record
constexpr std::size_t kKnownMax = 16'384;

Error damaged_chunk(SeqNo start) {
  return {ErrorKind::kCorruption, "queue: damaged chunk " + std::to_string(start), "", 0};
}

}  // namespace

std::string Chunk::live_key(SeqNo start) { return seq_key(start) + kLiveSuffix; }

bool Chunk::is_live_key(std::string_view key) { return key.size() == sizeof(SeqNo) + 1 && key.back() == kLiveSuffix; }

void Chunk::encode(const std::vector<std::string_view>& records, std::string* out) {
  std::size_t bytes = kChunkHead + records.size() * sizeof(std::uint32_t);
  for (const std::string_view record : records) bytes += record.size();
  out->clear();
  out->reserve(bytes);
  out->push_back(kChunkVersion);
  out->push_back(static_cast<char>(records.size()));
  out->append(kChunkHead - 2, '\0');
  for (const std::string_view record : records) {
    const auto length = static_cast<std::uint32_t>(record.size());
    out->append(reinterpret_cast<const char*>(&length), sizeof length);
  }
  for (const std::string_view record : records) out->append(record);
}

std::optional<ChunkMask> Chunk::decode_mask(std::string_view bytes) {
  ChunkMask mask = 0;
  if (bytes.size() != sizeof mask) return std::nullopt;
  std::memcpy(&mask, bytes.data(), sizeof mask);
  return mask;
}

std::optional<ChunkView> ChunkView::of(std::string_view bytes) {
  if (bytes.size() < kChunkHead || bytes[0] != kChunkVersion) return std::nullopt;
  const auto count = static_cast<std::size_t>(static_cast<unsigned char>(bytes[1]));
  if (count == 0 || count > Chunk::kOperations || bytes.size() < kChunkHead + count * sizeof(std::uint32_t))
    return std::nullopt;
  ChunkView view;
  view.bytes_ = bytes;
  std::uint64_t end = kChunkHead + count * sizeof(std::uint32_t);
  view.ends_[0] = static_cast<std::uint32_t>(end);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + kChunkHead + i * sizeof length, sizeof length);
    end += length;
    if (end > bytes.size()) return std::nullopt;
    if (length > 0) view.members_ |= ChunkMask{1} << i;
    view.ends_[i + 1] = static_cast<std::uint32_t>(end);
  }
  if (end != bytes.size()) return std::nullopt;
  return view;
}

void ChunkTable::learn(SeqNo start, ChunkMask live, bool masked) {
  if (known_.size() >= kKnownMax) known_.clear();
  known_.try_emplace(start, State{live, masked});
}

Result<std::optional<ChunkTable::State>> ChunkTable::find_stored(SeqNo start, RocksStore& store) {
  std::string bytes;
  rocksdb::Status read = store.db()->Get(rocksdb::ReadOptions(), store.chunks(), Chunk::live_key(start), &bytes);
  if (read.ok()) {
    const auto mask = Chunk::decode_mask(bytes);
    if (!mask) return damaged_chunk(start);
    return std::optional(State{*mask, true});
  }
  if (read.IsNotFound()) read = store.db()->Get(rocksdb::ReadOptions(), store.chunks(), seq_key(start), &bytes);
  if (read.IsNotFound()) return std::optional<State>();
  if (!read.ok()) return rocks_error(read, "queue read");
  const auto view = ChunkView::of(bytes);
  if (!view) return damaged_chunk(start);
  return std::optional(State{view->members(), false});
}

Result<bool> ChunkTable::read(SeqNo start, SeqNo seq, RocksStore& store, std::string* record) const {
  const ChunkMask bit = Chunk::bit(start, seq);
  if (const auto gone = gone_.find(start); gone != gone_.end() && (gone->second & bit) != 0) return false;
  rocksdb::PinnableSlice value;
  rocksdb::Status status;
  if (const auto known = known_.find(start); known != known_.end()) {
    if ((known->second.live & bit) == 0) return false;
  } else {
    status = store.db()->Get(rocksdb::ReadOptions(), store.chunks(), Chunk::live_key(start), &value);
    if (status.ok()) {
      const auto mask = Chunk::decode_mask(value.ToStringView());
      if (!mask) return damaged_chunk(start);
      if ((*mask & bit) == 0) return false;
    } else if (!status.IsNotFound()) {
      return rocks_error(status, "queue read");
    }
    value.Reset();
  }
  status = store.db()->Get(rocksdb::ReadOptions(), store.chunks(), seq_key(start), &value);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return rocks_error(status, "queue read");
  const auto view = ChunkView::of(value.ToStringView());
  if (!view) return damaged_chunk(start);
  if ((view->members() & bit) == 0) return false;
  record->assign(view->record(seq - start));
  return true;
}

Result<void> ChunkTable::write(RocksStore& store, rocksdb::WriteBatch* batch) {
  for (const auto& [start, bits] : gone_) {
    auto known = known_.find(start);
    if (known == known_.end()) {
      auto stored = find_stored(start, store);
      if (!stored) return stored.error();
      if (!*stored) continue;
      known = known_.emplace(start, **stored).first;
    }
    State& state = known->second;
    state.live &= ~bits;
    if (state.live == 0) {
      batch->Delete(store.chunks(), seq_key(start));
      if (state.masked) batch->Delete(store.chunks(), Chunk::live_key(start));
      known_.erase(known);
    } else {
      batch->Put(store.chunks(), Chunk::live_key(start),
                 rocksdb::Slice(reinterpret_cast<const char*>(&state.live), sizeof state.live));
      state.masked = true;
    }
  }
  gone_.clear();
  return {};
}

}  // namespace dualsync
