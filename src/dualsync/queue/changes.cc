#include "dualsync/queue/changes.h"

#include <cstring>

namespace dualsync {
namespace {

constexpr std::size_t kChangeHead = sizeof(SeqNo) + sizeof(std::uint32_t);

constexpr SeqNo kNear = 64;  // so far a scan goes on rather than begin anew

// The newest record of each.
Result<std::map<SeqNo, std::string>> replay(RocksStore& store) {
  std::map<SeqNo, std::string> newest;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(store.db()->NewIterator(options, store.changes()));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const bool whole =
        ChangeLog::read(it->value().ToStringView(), [&](SeqNo seq, std::string_view record) { newest[seq] = record; });
    if (!whole) return Error{ErrorKind::kCorruption, "queue: damaged entry of `changes`", "", 0};
  }
  DUALSYNC_TRY(rocks_result(it->status(), "queue read"));
  return newest;
}

}  // namespace

bool ChangeLog::read(std::string_view entry, const std::function<void(SeqNo, std::string_view)>& each) {
  while (!entry.empty()) {
    SeqNo seq = 0;
    std::uint32_t length = 0;
    if (entry.size() < kChangeHead) return false;
    std::memcpy(&seq, entry.data(), sizeof seq);
    std::memcpy(&length, entry.data() + sizeof seq, sizeof length);
    entry.remove_prefix(kChangeHead);
    if (entry.size() < length) return false;
    each(seq, entry.substr(0, length));
    entry.remove_prefix(length);
  }
  return true;
}

void ChangeLog::put(const std::vector<WindowOp*>& ops, RocksStore& store, rocksdb::WriteBatch* batch) {
  Entry made;
  made.seqs.reserve(ops.size());
  const std::uint64_t number = first_ + entries_.size();
  heads_.resize(ops.size() * kChangeHead);  // does not move any more: the parts point into it
  parts_.clear();
  char* head = heads_.data();
  for (WindowOp* op : ops) {
    const auto length = static_cast<std::uint32_t>(op->record.size());
    std::memcpy(head, &op->seq, sizeof op->seq);
    std::memcpy(head + sizeof op->seq, &length, sizeof length);
    parts_.emplace_back(head, kChangeHead);
    parts_.emplace_back(op->record);
    made.bytes += kChangeHead + length;
    head += kChangeHead;
    forget(*op);
    op->change = number;
    made.seqs.push_back(op->seq);
  }
  made.live = ops.size();
  bytes_ += made.bytes;
  const std::string key = seq_key(number);
  const rocksdb::Slice key_part(key);
  batch->Put(store.changes(), rocksdb::SliceParts(&key_part, 1),
             rocksdb::SliceParts(parts_.data(), static_cast<int>(parts_.size())));
  entries_.push_back(std::move(made));
}

void ChangeLog::forget(const WindowOp& op) {
  if (op.change != 0) --entry(op.change).live;
}

void ChangeLog::trim(const Window& window, RocksStore& store, rocksdb::WriteBatch* batch) {
  while (!entries_.empty() && (entries_.front().live == 0 || bytes_ > kBytesMax)) pop(window, store, batch);
}

void ChangeLog::move_all(const Window& window, RocksStore& store, rocksdb::WriteBatch* batch) {
  while (!entries_.empty()) pop(window, store, batch);
}

void ChangeLog::pop(const Window& window, RocksStore& store, rocksdb::WriteBatch* batch) {
  const Entry& oldest = entries_.front();
  if (oldest.live > 0) {
    for (const SeqNo seq : oldest.seqs) {
      WindowOp* op = window.find(seq);
      if (op == nullptr || op->change != first_) continue;
      batch->Put(store.operations(), seq_key(seq), op->record);
      op->single = true;
      op->change = 0;
    }
  }
  batch->Delete(store.changes(), seq_key(first_));
  bytes_ -= oldest.bytes;
  entries_.pop_front();
  ++first_;
}

Result<std::map<SeqNo, std::string>> read_changes(RocksStore& store) {
  if (store.changes() == nullptr) return std::map<SeqNo, std::string>();
  return replay(store);
}

LiveScan::Override newer_in(const Result<std::map<SeqNo, std::string>>& changes) {
  if (!changes || changes->empty()) return {};
  return [&changes](SeqNo seq) {
    const auto found = changes->find(seq);
    return found == changes->end() ? std::string_view() : std::string_view(found->second);
  };
}

Result<void> fold_changes(RocksStore& store) {
  auto newest = replay(store);
  if (!newest) return newest.error();
  if (newest->empty()) return {};
  rocksdb::WriteBatch batch;
  std::optional<LiveScan> scan;
  for (const auto& [seq, record] : *newest) {
    if (!scan || !scan->valid() || seq > scan->seq() + kNear) scan.emplace(store, seq);
    while (scan->valid() && scan->seq() < seq) scan->next();
    if (scan->valid() && scan->seq() == seq) batch.Put(store.operations(), seq_key(seq), record);
    DUALSYNC_TRY(scan->status());
  }
  batch.DeleteRange(store.changes(), std::string(), std::string(9, '\xff'));
  return store.write(&batch);
}

}  // namespace dualsync
