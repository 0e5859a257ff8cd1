// SplitEventJoiner: puts the fragments of a large change event together again ($changeStreamSplitLargeEvent).
//
// Shape    a fragment is {_id, splitEvent: {fragment: k, of: n}, some of the event's top-level fields}. The joined
//          event has all fields but splitEvent, and the `_id` of the last fragment: going on after it goes on after the
//          event.
// Order    fragments come in order, one event at a time, and may lie in different batches
// Units    memory: one event, at most a few times 16 MiB
// Threads  one owner
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dualsync/base/result.h"

namespace dualsync {

struct Fragment {
  int number = 1;
  int of = 1;
};

// Nothing for an event that is not split.
std::optional<Fragment> fragment_of(std::string_view event);

class SplitEventJoiner {
 public:
  // Takes the next fragment. Returns the whole event with the last one, an empty string before.
  // kCorruption: fragments out of order.
  Result<std::string> add(std::string_view event, const Fragment& fragment);

  bool pending() const { return !fields_.empty(); }
  void reset() {
    fields_.clear();
    last_number_ = 0;
  }

 private:
  std::string fields_;  // the elements of the fragments so far, as BSON has them between length and end mark
  int last_number_ = 0;
};

}  // namespace dualsync
