// RecordCache: the newest records of operations that only the disk holds, so that the next merge reads no disk: of
// small ones when they come in, and of whatever something merged into. What merges often is small: counters, touches.
//
// Rule     a record that is here is the operation's newest, and the operation is on the disk and not in the window:
//          whoever changes or removes its record there puts or forgets it here
// Memory   as many records as it was told, of at most kRecordMax bytes; a newer one takes the slot of an older one
// Threads  none of its own: the queue's lock guards it
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dualsync/model/operation.h"

namespace dualsync {

class RecordCache {
 public:
  static constexpr std::size_t kRecordMax = 256;

  explicit RecordCache(std::size_t slots) : slots_max_(slots) {}

  void put(SeqNo seq, std::string_view record);  // too large: only forgets the one that was here
  bool find(SeqNo seq, std::string* record) const;
  void forget(SeqNo seq);

 private:
  struct Slot {
    SeqNo seq = 0;
    std::string record;
  };

  const std::size_t slots_max_;
  std::vector<Slot> slots_;  // none before the first put()
};

}  // namespace dualsync
