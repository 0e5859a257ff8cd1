// FullSyncJob: the full sync that somebody asked for. Its namespaces are dirty ranges of the queue (`requested`),
// repaired like all others; this knows which belong to it, how far they are, and how to take them back.
//
// Shape    state `full-sync` of the queue, BSON {id, state, keepExtra, startedMs, finishedMs, parts: [{ns, total,
//          repairs, kept, done}]}: a restart goes on with it
// Rule     at most one runs
// Threads  any
// Errors   those of the queue
#pragma once

#include <stop_token>

#include "dualsync/base/clock.h"
#include "dualsync/base/mutex.h"
#include "dualsync/model/full_sync.h"
#include "dualsync/pipeline/range_compare.h"
#include "dualsync/queue/sync_queue.h"

namespace dualsync {

class FullSyncJob {
 public:
  FullSyncJob(SyncQueue& queue, const Clock& clock) : queue_(queue), clock_(clock) {}

  Result<void> load();  // what an earlier process was asked for

  // kConflict: one is running.
  Result<FullSyncStatus> start(const FullSyncRequest& request, std::vector<FullSyncPart> parts);
  // What is repaired by then stays so. kNotFound: none is running.
  Result<FullSyncStatus> cancel();
  FullSyncStatus view() const;

  // --- the thread of full sync
  std::stop_token cancelled() const;
  void began(const Namespace& ns);
  void advanced(const Namespace& ns, const RepairCounts& since);
  Result<void> tend();  // sees what is done by now

 private:
  FullSyncPart* find(const Namespace& ns) DUALSYNC_REQUIRES(mutex_);
  Result<void> begin() DUALSYNC_REQUIRES(mutex_);
  Result<void> save() DUALSYNC_REQUIRES(mutex_);

  SyncQueue& queue_;
  const Clock& clock_;
  mutable Mutex mutex_;
  FullSyncStatus status_ DUALSYNC_GUARDED_BY(mutex_);
  // The ranges asked for are among those that became dirty up to this one: see DirtyRange::since.
  std::uint64_t asked_ DUALSYNC_GUARDED_BY(mutex_) = 0;
  std::stop_source cancel_ DUALSYNC_GUARDED_BY(mutex_);
  std::optional<SteadyTime> resumed_ DUALSYNC_GUARDED_BY(mutex_);    // when this process began to work on it
  std::optional<OpTime> repairs_until_ DUALSYNC_GUARDED_BY(mutex_);  // once this is applied, the repairs are
};

}  // namespace dualsync
