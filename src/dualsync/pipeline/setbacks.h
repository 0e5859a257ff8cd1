// Setbacks: namespaces that could not be repaired, each with a wait of its own, so that one keeps no other from the
// backup.
//
// Threads  one owner; view() may be called by anyone
#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "dualsync/base/backoff.h"
#include "dualsync/base/clock.h"
#include "dualsync/base/mutex.h"
#include "dualsync/model/status.h"
#include "dualsync/queue/queue_types.h"

namespace dualsync {

class Setbacks {
 public:
  explicit Setbacks(const Clock& clock) : clock_(clock) {}

  // Returns how long the range is left alone.
  std::chrono::milliseconds note(const DirtyRange& range, const Error& error);
  void forget(const DirtyRange& range);
  // Takes out of `ranges` those that are not due. A gap that was found later is.
  void leave_out(std::vector<DirtyRange>* ranges);
  // Those that failed more than once: what passes by itself is not among them.
  std::vector<RefusedRepair> view() const;

 private:
  struct Setback {
    Backoff backoff{0xe7037ed1a0b428dbULL};
    SteadyTime until;
    std::uint64_t gap = 0;
    std::string cause;
  };

  const Clock& clock_;
  mutable Mutex mutex_;
  std::map<Namespace, Setback> known_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
