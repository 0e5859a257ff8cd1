#include "dualsync/queue/staged.h"

#include <algorithm>
#include <utility>

namespace dualsync {

SeqNo Staged::place(SeqNo seq, std::size_t size) {
  const bool follows = chunk_ != 0 && !fresh_.empty() && fresh_.back().seq + 1 == seq;
  if (!follows || seq - chunk_ >= Chunk::kOperations || chunk_bytes_ + size > Chunk::kBytes) {
    chunk_ = seq;
    chunk_bytes_ = 0;
  }
  chunk_bytes_ += size;
  return chunk_;
}

void Staged::add(SeqNo seq, SeqNo chunk, WindowOp* op) {
  fresh_.push_back({seq, chunk, op, 0, op->record.size()});
  op->staged = true;
}

void Staged::add(SeqNo seq, SeqNo chunk, std::string_view record) {
  fresh_.push_back({seq, chunk, nullptr, bytes_.size(), record.size()});
  bytes_.append(record);
}

void Staged::touch(WindowOp* op) {
  if (op->staged) return;
  changed_.push_back(op);
  op->staged = true;
}

bool Staged::change(SeqNo seq, std::string_view record) {
  Fresh* fresh = find_fresh(seq);
  if (fresh == nullptr) {
    on_disk_[seq] = {bytes_.size(), record.size()};
    bytes_.append(record);
    return true;
  }
  fresh->at = bytes_.size();
  fresh->size = record.size();
  bytes_.append(record);
  return false;
}

std::string_view Staged::find(SeqNo seq) const {
  if (const Fresh* fresh = find_fresh(seq)) return record_of(*fresh);
  const auto changed = on_disk_.find(seq);
  return changed == on_disk_.end() ? std::string_view() : record_of(changed->second);
}

bool Staged::drop(WindowOp* op) {
  const bool fresh = drop(op->seq);
  if (op->staged && !fresh) std::erase(changed_, op);
  op->staged = false;
  return fresh;
}

bool Staged::drop(SeqNo seq) {
  on_disk_.erase(seq);
  Fresh* fresh = find_fresh(seq);
  if (fresh == nullptr) return false;
  fresh->op = nullptr;
  fresh->size = 0;
  return true;
}

const Staged::Fresh* Staged::find_fresh(SeqNo seq) const {
  if (fresh_.empty() || seq < fresh_.front().seq) return nullptr;
  const auto found = std::lower_bound(fresh_.begin(), fresh_.end(), seq,
                                      [](const Fresh& one, SeqNo wanted) { return one.seq < wanted; });
  return found != fresh_.end() && found->seq == seq && found->size > 0 ? &*found : nullptr;
}

}  // namespace dualsync
