// TimeSeriesList: the time series collections in scope, and when each was last made equal. Kept in the queue's state,
// so that a restart still knows how old their copies are.
//
// Threads  any
// Errors   those of the queue
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "dualsync/base/mutex.h"
#include "dualsync/model/time_series.h"
#include "dualsync/queue/sync_queue.h"

namespace dualsync {

class TimeSeriesList {
 public:
  explicit TimeSeriesList(SyncQueue& queue) : queue_(queue) {}

  Result<void> load();                                 // at the start
  Result<void> add(const Namespace& ns);               // it is there; nothing is said of its measurements
  Result<void> mirrored(const TimeSeriesStatus& now);  // with its time
  Result<void> forget(const Namespace& ns);            // it is none, or no more
  // Comparisons that write what the backup lacks, by numbers from 1 since the start: the last one that began and the
  // last one that came to its end, whatever the backup refused of it; 0: none.
  std::uint64_t begin_pass(const Namespace& ns);
  void end_pass(const Namespace& ns, std::uint64_t pass);
  std::uint64_t begun(const Namespace& ns) const;
  std::uint64_t ended(const Namespace& ns) const;
  bool contains(const Namespace& ns) const;  // costs nothing where there is none
  std::vector<TimeSeriesStatus> view() const;

 private:
  struct Passes {
    std::uint64_t begun = 0;
    std::uint64_t ended = 0;
  };
  Result<void> save() DUALSYNC_REQUIRES(mutex_);
  Passes passes(const Namespace& ns) const;

  SyncQueue& queue_;
  std::atomic<bool> any_{false};
  mutable Mutex mutex_;
  std::map<Namespace, TimeSeriesStatus> known_ DUALSYNC_GUARDED_BY(mutex_);
  std::map<Namespace, Passes> passes_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
