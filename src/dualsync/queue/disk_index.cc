#include "dualsync/queue/disk_index.h"

namespace dualsync {
namespace {

constexpr std::size_t kFirstSlots = 1024;

std::string index_key(const DiskIndex::Hash& hash) { return {reinterpret_cast<const char*>(&hash), sizeof hash}; }

bool same(const DiskIndex::Hash& a, const DiskIndex::Hash& b) { return a.low64 == b.low64 && a.high64 == b.high64; }

}  // namespace

std::size_t DiskIndex::probe(const Hash& hash) const {
  std::size_t at = home(hash);
  while (slots_[at].seq != 0 && !same(slots_[at].hash, hash)) at = (at + 1) & (slots_.size() - 1);
  return at;
}

Result<SeqNo> DiskIndex::find(const Hash& hash, RocksStore& store) const {
  if (!spilled_) return slots_.empty() ? SeqNo{0} : slots_[probe(hash)].seq;
  if (const auto fresh = uncommitted_.find({hash.high64, hash.low64}); fresh != uncommitted_.end())
    return fresh->second;
  std::string value;
  const rocksdb::Status status = store.db()->Get(rocksdb::ReadOptions(), store.pending(), index_key(hash), &value);
  if (status.IsNotFound()) return SeqNo{0};
  if (!status.ok()) return rocks_error(status, "queue index");
  return seq_of_key(value);
}

void DiskIndex::put(const Hash& hash, SeqNo seq, RocksStore& store, rocksdb::WriteBatch* batch) {
  if (!spilled_ && count_ >= in_memory_max_) spill(store, batch);
  if (spilled_) {
    batch->Put(store.pending(), index_key(hash), seq_key(seq));
    uncommitted_[{hash.high64, hash.low64}] = seq;
    return;
  }
  if (slots_.empty() || (count_ + 1) * 10 > slots_.size() * 7) grow();
  Slot& slot = slots_[probe(hash)];
  if (slot.seq == 0) ++count_;
  slot = {hash, seq};
}

void DiskIndex::erase(const Hash& hash, SeqNo seq) {
  if (spilled_ || slots_.empty()) return;
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = probe(hash);
  if (slots_[hole].seq != seq) return;
  --count_;
  // Whoever was pushed past the hole moves into it, so that no probe ends too early.
  for (std::size_t at = (hole + 1) & mask; slots_[at].seq != 0; at = (at + 1) & mask) {
    const std::size_t from_home = (at - home(slots_[at].hash)) & mask;
    const std::size_t from_hole = (at - hole) & mask;
    if (from_home < from_hole) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = {};
  if (count_ == 0 && slots_.size() > kFirstSlots) slots_ = {};
}

void DiskIndex::grow() {
  std::vector<Slot> old = std::move(slots_);
  slots_.assign(old.empty() ? kFirstSlots : old.size() * 2, Slot());
  for (const Slot& slot : old) {
    if (slot.seq != 0) slots_[probe(slot.hash)] = slot;
  }
}

void DiskIndex::spill(RocksStore& store, rocksdb::WriteBatch* batch) {
  for (const Slot& slot : slots_) {
    if (slot.seq == 0) continue;
    batch->Put(store.pending(), index_key(slot.hash), seq_key(slot.seq));
    uncommitted_[{slot.hash.high64, slot.hash.low64}] = slot.seq;
  }
  std::vector<Slot>().swap(slots_);
  count_ = 0;
  spilled_ = true;
}

void DiskIndex::clear(RocksStore& store, rocksdb::WriteBatch* batch) {
  committed();
  if (spilled_) batch->DeleteRange(store.pending(), std::string(), std::string(17, '\xff'));
  std::vector<Slot>().swap(slots_);
  count_ = 0;
  spilled_ = false;
}

}  // namespace dualsync
