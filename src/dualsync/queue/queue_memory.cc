// A queue that is not kept (SYNC_PERSIST_QUEUE=false): the store lies in memory, the disk holds a remainder to start
// again from. The remainder is a queue without operations, as of one moment: a position before every operation that
// waited then, and the dirty ranges, dead letters and state of then. Whatever came later is read again from local.
#include <rocksdb/env.h>

#include <algorithm>

#include "dualsync/queue/queue_impl.h"

namespace dualsync {
namespace {

constexpr std::size_t kCheckpointsMax = 4096;
constexpr std::size_t kCopyBytes = 4U << 20U;
constexpr const char* kMemoryDirectory = "/queue";

Result<std::size_t> copy_family(rocksdb::DB* from, rocksdb::ColumnFamilyHandle* source, RocksStore* to,
                                rocksdb::ColumnFamilyHandle* target) {
  std::size_t copied = 0;
  rocksdb::WriteBatch batch;
  const std::unique_ptr<rocksdb::Iterator> it(from->NewIterator(rocksdb::ReadOptions(), source));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    batch.Put(target, it->key(), it->value());
    ++copied;
    if (batch.GetDataSize() < kCopyBytes) continue;
    DUALSYNC_TRY(to->write(&batch));
    batch.Clear();
  }
  DUALSYNC_TRY(rocks_result(it->status(), "queue read"));
  DUALSYNC_TRY(to->write(&batch));
  return copied;
}

// The whole of a small family.
Result<void> replace(RocksStore& from, rocksdb::ColumnFamilyHandle* source, rocksdb::ColumnFamilyHandle* target,
                     rocksdb::WriteBatch* batch) {
  batch->DeleteRange(target, "", std::string(9, '\xff'));
  const std::unique_ptr<rocksdb::Iterator> it(from.db()->NewIterator(rocksdb::ReadOptions(), source));
  for (it->SeekToFirst(); it->Valid(); it->Next()) batch->Put(target, it->key(), it->value());
  return rocks_result(it->status(), "queue read");
}

}  // namespace

Remainder::Remainder(std::string directory, rocksdb::Env* env) : directory_(std::move(directory)), env_(env) {}
Remainder::~Remainder() = default;

Result<std::unique_ptr<RocksStore>> Remainder::open() {
  disk_.reset();
  checkpoints_.clear();
  names_.clear();
  DUALSYNC_TRY(reach_disk());
  DUALSYNC_TRY(fold_changes(*disk_));
  memory_env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  auto memory = RocksStore::open(kMemoryDirectory, memory_env_.get());
  if (!memory) return memory.error();
  (*memory)->without_log();
  // A queue that was kept until now leaves its operations: they stay on the disk until none of them is needed.
  auto operations = copy_family(disk_->db(), disk_->operations(), memory->get(), (*memory)->operations());
  if (!operations) return operations.error();
  auto chunks = copy_family(disk_->db(), disk_->chunks(), memory->get(), (*memory)->chunks());
  if (!chunks) return chunks.error();
  had_operations_ = *operations + *chunks > 0;
  auto letters = copy_family(disk_->db(), disk_->dead_letters(), memory->get(), (*memory)->dead_letters());
  if (!letters) return letters.error();
  auto withheld = copy_family(disk_->db(), disk_->withheld(), memory->get(), (*memory)->withheld());
  if (!withheld) return withheld.error();
  auto meta = copy_family(disk_->db(), disk_->meta(), memory->get(), (*memory)->meta());
  if (!meta) return meta.error();
  for (const std::string_view prefix : {kMetaDirtyPrefix, kMetaDdlPrefix, kMetaStatePrefix}) {
    auto entries = disk_->scan_meta(prefix);
    if (!entries) return entries.error();
    for (const auto& [name, value] : *entries) names_.insert(std::string(prefix) + name);
  }
  return memory;
}

void Remainder::passed(const Position& position) {
  if (!checkpoints_.empty() && checkpoints_.back().time == position.time &&
      checkpoints_.back().token == position.token) {
    return;
  }
  checkpoints_.push_back(position);
  if (checkpoints_.size() <= kCheckpointsMax) return;
  std::size_t kept = 0;  // every second one is enough: an older one is only more to read again
  for (std::size_t i = 1; i < checkpoints_.size(); i += 2) checkpoints_[kept++] = checkpoints_[i];
  checkpoints_.resize(kept);
}

std::optional<Position> Remainder::newest_before(OpTime safe) {
  std::optional<Position> found;
  while (!checkpoints_.empty() && checkpoints_.front().time <= safe) {
    found = checkpoints_.front();
    checkpoints_.pop_front();
  }
  if (found) checkpoints_.push_front(*found);
  return found;
}

Result<void> Remainder::reach_disk() {
  if (disk_) return {};
  auto disk = RocksStore::open(directory_, env_);
  if (!disk) return disk.error();
  disk_ = std::move(*disk);
  written_.clear();
  return {};
}

Result<void> Remainder::write(rocksdb::WriteBatch* batch) {
  auto written = disk_->write(batch, true);
  if (!written) disk_.reset();  // RocksDB takes nothing more after an error: opened again the next time
  return written;
}

Result<void> Remainder::save(const std::map<std::string, std::string>& meta, RocksStore& memory,
                             const Changed& changed) {
  DUALSYNC_TRY(reach_disk());
  rocksdb::WriteBatch batch;
  std::set<std::string> names;
  for (const auto& [name, value] : meta) {
    batch.Put(disk_->meta(), name, value);
    names.insert(name);
  }
  for (const std::string& old : names_) {
    if (!names.contains(old)) batch.Delete(disk_->meta(), old);
  }
  if (had_operations_) {
    for (rocksdb::ColumnFamilyHandle* family : {disk_->operations(), disk_->chunks()})
      batch.DeleteRange(family, "", std::string(9, '\xff'));
  }
  if (changed.letters) DUALSYNC_TRY(replace(memory, memory.dead_letters(), disk_->dead_letters(), &batch));
  if (changed.withheld) DUALSYNC_TRY(replace(memory, memory.withheld(), disk_->withheld(), &batch));
  if (batch.Data() == written_) return {};
  written_ = batch.Data();
  DUALSYNC_TRY(write(&batch));
  names_ = std::move(names);
  had_operations_ = false;
  return {};
}

Result<void> Remainder::put(std::string_view name, std::string_view value) {
  DUALSYNC_TRY(reach_disk());
  rocksdb::WriteBatch batch;
  const rocksdb::Slice key(name.data(), name.size());
  if (value.empty()) {
    batch.Delete(disk_->meta(), key);
  } else {
    batch.Put(disk_->meta(), key, rocksdb::Slice(value.data(), value.size()));
    names_.insert(std::string(name));
  }
  written_.clear();
  return write(&batch);
}

Result<void> Remainder::ddl_done(OpTime time) {
  DUALSYNC_TRY(reach_disk());
  rocksdb::WriteBatch batch;
  batch.Put(disk_->meta(), rocksdb::Slice(kMetaDdlDone.data(), kMetaDdlDone.size()), seq_key(time.packed()));
  return write(&batch);
}

Result<bool> SyncQueue::Impl::save_remainder() {
  const auto from = remainder->newest_before(settled_up_to());
  if (!from) return false;  // the remainder on the disk still holds: it is only older
  std::map<std::string, std::string> meta;
  auto states = store->scan_meta(kMetaStatePrefix);
  if (!states) return states.error();
  for (const auto& [name, value] : *states) meta[std::string(kMetaStatePrefix) + name] = value;
  for (const auto& [ns, range] : dirty) meta[std::string(kMetaDirtyPrefix) + ns.full()] = encode_dirty(range);
  meta[std::string(kMetaPosition)] = encode_position(*from);
  Counters kept = counters;
  kept.operations = kept.bytes = kept.early = 0;
  kept.floor = kept.gap_seq = kept.next_seq;
  kept.applied = std::min(kept.applied, from->time.packed());
  meta[std::string(kMetaCounters)] = std::string(reinterpret_cast<const char*>(&kept), sizeof kept);
  DUALSYNC_TRY(remainder->save(meta, *store, {letters_changed, withheld_changed}));
  letters_changed = withheld_changed = false;
  return true;
}

}  // namespace dualsync
