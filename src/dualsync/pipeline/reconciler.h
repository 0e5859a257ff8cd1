// Reconciler: where local has no change stream, makes the backup equal to it every SYNC_RECONCILE_INTERVAL, and so
// finds what no middleware told of.
//
// Order    the first one at the start, unless that is the first copy; then an interval after the end of the last one.
// It
//          waits while something stands in the way, or somebody's own full sync runs
// Threads  run() is one thread's; the others any
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "dualsync/base/clock.h"
#include "dualsync/base/mutex.h"
#include "dualsync/base/result.h"
#include "dualsync/model/full_sync.h"
#include "dualsync/model/reconcile.h"

namespace dualsync {

struct ReconcileHooks {
  std::function<std::string()> obstacle;  // why it has to wait; empty: it may begin
  std::function<Result<FullSyncStatus>(const FullSyncRequest&)> start;
  std::function<FullSyncStatus()> view;  // of the newest full sync
};

class Reconciler {
 public:
  // `interval`: zero is off. `at_once`: there is something to compare already.
  Reconciler(const Clock& clock, std::chrono::milliseconds interval, bool at_once, ReconcileHooks hooks);

  void run(const std::stop_token& stop);  // until stopped
  void step();                            // one look
  ReconcileStatus view() const DUALSYNC_EXCLUDES(mutex_);

  // Somebody missed changes before this start: one comparison, soon, even if the interval is off.
  void owe_one() { owed_ = true; }
  // One has begun since the start; from here on it is kept over restarts.
  bool has_begun() const { return begun_; }

 private:
  void begin();
  void follow();

  const Clock& clock_;
  const std::chrono::milliseconds interval_;
  const ReconcileHooks hooks_;
  SteadyTime next_;      // of the running thread, as the next two
  SteadyTime retry_at_;  // after a start that failed
  std::atomic<bool> owed_{false};
  std::atomic<bool> begun_{false};
  std::uint64_t id_ = 0;  // the full sync that is ours and not over; 0: none

  mutable Mutex mutex_;
  ReconcileStatus status_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
