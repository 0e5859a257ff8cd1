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
  bool contains(const Namespace& ns) const;            // costs nothing where there is none
  bool was_mirrored(const Namespace& ns) const;        // once, whatever was written since
  std::vector<TimeSeriesStatus> view() const;

 private:
  Result<void> save() DUALSYNC_REQUIRES(mutex_);

  SyncQueue& queue_;
  std::atomic<bool> any_{false};
  mutable Mutex mutex_;
  std::map<Namespace, TimeSeriesStatus> known_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
