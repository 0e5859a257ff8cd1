#include "dualsync/queue/disk_index.h"

namespace dualsync {
namespace {

rocksdb::Slice index_key(const KeyHash& hash) { return {reinterpret_cast<const char*>(&hash), sizeof hash}; }

}  // namespace

Result<DiskPlace> DiskIndex::find(const KeyHash& hash, RocksStore& store) const {
  if (!spilled_) return DiskPlace::unpack(table_.find(hash));
  if (const auto fresh = uncommitted_.find(hash); fresh != uncommitted_.end()) return DiskPlace::unpack(fresh->second);
  std::string value;
  const rocksdb::Status status = store.db()->Get(rocksdb::ReadOptions(), store.pending(), index_key(hash), &value);
  if (status.IsNotFound()) return DiskPlace();
  if (!status.ok()) return rocks_error(status, "queue index");
  return DiskPlace::unpack(seq_of_key(value));
}

void DiskIndex::put(const KeyHash& hash, const DiskPlace& place, RocksStore& store, rocksdb::WriteBatch* batch) {
  if (!spilled_ && table_.size() >= in_memory_max_) spill(store, batch);
  if (!spilled_) return table_.put(hash, place.pack());
  batch->Put(store.pending(), index_key(hash), seq_key(place.pack()));
  uncommitted_[hash] = place.pack();
}

void DiskIndex::erase(const KeyHash& hash, SeqNo seq) {
  if (spilled_) return;
  const std::uint64_t packed = table_.find(hash);
  if (packed != 0 && DiskPlace::unpack(packed).seq == seq) table_.erase(hash, packed);
}

void DiskIndex::spill(RocksStore& store, rocksdb::WriteBatch* batch) {
  table_.for_each([&](const KeyHash& hash, std::uint64_t packed) {
    batch->Put(store.pending(), index_key(hash), seq_key(packed));
    uncommitted_[hash] = packed;
  });
  table_.clear();
  spilled_ = true;
}

void DiskIndex::clear(RocksStore& store, rocksdb::WriteBatch* batch) {
  committed();
  if (spilled_) batch->DeleteRange(store.pending(), std::string(), std::string(17, '\xff'));
  table_.clear();
  spilled_ = false;
}

}  // namespace dualsync
