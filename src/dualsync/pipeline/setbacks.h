// Setbacks: namespaces that could not be repaired, each with a wait of its own, so that one keeps no other from the
// backup.
//
// Threads  one owner
#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "dualsync/base/backoff.h"
#include "dualsync/base/clock.h"
#include "dualsync/queue/queue_types.h"

namespace dualsync {

class Setbacks {
 public:
  explicit Setbacks(const Clock& clock) : clock_(clock) {}

  // Returns how long the range is left alone.
  std::chrono::milliseconds note(const DirtyRange& range);
  void forget(const DirtyRange& range) { known_.erase(range.ns); }
  // Takes out of `ranges` those that are not due. A gap that was found later is.
  void leave_out(std::vector<DirtyRange>* ranges);

 private:
  struct Setback {
    Backoff backoff{0xe7037ed1a0b428dbULL};
    SteadyTime until;
    std::uint64_t gap = 0;
  };

  const Clock& clock_;
  std::map<Namespace, Setback> known_;
};

}  // namespace dualsync
