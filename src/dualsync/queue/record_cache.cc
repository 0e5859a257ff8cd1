#include "dualsync/queue/record_cache.h"

namespace dualsync {

void RecordCache::put(SeqNo seq, std::string_view record) {
  if (record.size() > kRecordMax) return forget(seq);
  if (slots_max_ == 0) return;
  if (slots_.empty()) slots_.resize(slots_max_);
  Slot& slot = slots_[seq % slots_max_];
  slot.seq = seq;
  slot.record.assign(record);
}

bool RecordCache::find(SeqNo seq, std::string* record) const {
  if (slots_.empty()) return false;
  const Slot& slot = slots_[seq % slots_max_];
  if (slot.seq != seq) return false;
  record->assign(slot.record);
  return true;
}

void RecordCache::forget(SeqNo seq) {
  if (slots_.empty()) return;
  Slot& slot = slots_[seq % slots_max_];
  if (slot.seq == seq) slot.seq = 0;
}

}  // namespace dualsync
