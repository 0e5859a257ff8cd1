#include "dualsync/queue/disk_index.h"

namespace dualsync {
namespace {

rocksdb::Slice index_key(const KeyHash& hash) { return {reinterpret_cast<const char*>(&hash), sizeof hash}; }

}  // namespace

Result<SeqNo> DiskIndex::find(const KeyHash& hash, RocksStore& store) const {
  if (!spilled_) return table_.find(hash);
  if (const auto fresh = uncommitted_.find(hash); fresh != uncommitted_.end()) return fresh->second;
  std::string value;
  const rocksdb::Status status = store.db()->Get(rocksdb::ReadOptions(), store.pending(), index_key(hash), &value);
  if (status.IsNotFound()) return SeqNo{0};
  if (!status.ok()) return rocks_error(status, "queue index");
  return seq_of_key(value);
}

void DiskIndex::put(const KeyHash& hash, SeqNo seq, RocksStore& store, rocksdb::WriteBatch* batch) {
  if (!spilled_ && table_.size() >= in_memory_max_) spill(store, batch);
  if (!spilled_) return table_.put(hash, seq);
  batch->Put(store.pending(), index_key(hash), seq_key(seq));
  uncommitted_[hash] = seq;
}

void DiskIndex::erase(const KeyHash& hash, SeqNo seq) {
  if (!spilled_) table_.erase(hash, seq);
}

void DiskIndex::spill(RocksStore& store, rocksdb::WriteBatch* batch) {
  table_.for_each([&](const KeyHash& hash, SeqNo seq) {
    batch->Put(store.pending(), index_key(hash), seq_key(seq));
    uncommitted_[hash] = seq;
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
