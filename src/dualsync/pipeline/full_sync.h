// FullSync: makes dirty namespaces equal, one after the other: a plain parallel copy into an empty one, else compare
// and repair by enqueuing touches (only lanes write, so a repair can never overtake a newer write).
//
// Rule     the one mechanism for the first start, for gaps, and for everything else that could not be mirrored exactly
// Threads  run() is the thread (it starts readers of its own); view() may be called by anyone
#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <vector>

#include "dualsync/base/mutex.h"
#include "dualsync/pipeline/context.h"
#include "dualsync/pipeline/copy_progress.h"
#include "dualsync/pipeline/full_sync_job.h"
#include "dualsync/pipeline/hold.h"
#include "dualsync/pipeline/index_sync.h"
#include "dualsync/pipeline/setbacks.h"
#include "dualsync/pipeline/time_series_copy.h"

namespace dualsync {

class FullSync {
 public:
  explicit FullSync(PipelineContext& context);

  Result<void> run(std::stop_token stop);
  // One pass over what is dirty; false: there is nothing to do, or the backup is offline. `drain` ends the wait for a
  // namespace's lanes; the pass is then kStopped.
  Result<bool> step(std::stop_token stop, std::stop_token drain);

  CopyStatus view() const;

  // Finds what of the request there is and begins with it. kConflict: one is running. kInvalidArgument: a pattern that
  // no collection answers to. May be called by anyone, as view().
  Result<FullSyncStatus> start(const FullSyncRequest& request);
  FullSyncJob& job() { return job_; }
  const FullSyncJob& job() const { return job_; }
  std::vector<OwedIndex> owed_indexes() const;
  std::vector<RefusedRepair> refused() const { return setbacks_.view(); }

 private:
  Result<void> repair(const DirtyRange& range, std::stop_token stop);
  Result<void> repair_namespace(const DirtyRange& range, bool seen_missing, std::stop_token stop);
  // The work on a range is done; it is finished once what it looked at counts (see CopyProgress).
  Result<void> looked(const DirtyRange& range, const std::string& uuid);
  Result<void> finish(const DirtyRange& range, const std::string& uuid);
  Result<std::vector<Namespace>> list_parts(const DirtyRange& range);
  Result<void> expand(const DirtyRange& range);  // a deployment into databases, a database into collections
  Result<void> repair_view(const DirtyRange& range, const CollectionInfo& info);
  Result<void> repair_time_series(DirtyRange range, const CollectionInfo& info, std::stop_token stop);
  Result<TimeSeriesCounts> equalise(const DirtyRange& range, const CollectionInfo& info, BackupWriter& writer,
                                    std::stop_token stop);
  Result<void> repair_missing(const DirtyRange& range, bool seen_missing);
  Result<void> repair_collection(const DirtyRange& range, const CollectionInfo& info, std::stop_token stop);
  Result<void> copy(const DirtyRange& range, const CollectionInfo& info, CopyProgress progress, std::stop_token stop);
  Result<void> compare(const DirtyRange& range, const CollectionInfo& info, std::stop_token stop);
  Result<void> finish_schema(const DirtyRange& range, const CollectionInfo& info);
  bool set_back(const DirtyRange& range, const Error& error);
  Result<void> count_work(const std::vector<DirtyRange>& ranges);
  Result<void> settle();
  void connect();
  void disconnect();
  void disconnect_backup();
  void retry_owed();

  // What a deployment or a database was made of.
  struct Look {
    std::uint64_t gap = 0;  // of its range
    OpTime time;
    std::vector<Namespace> parts;
  };

  PipelineContext& context_;
  FullSyncJob job_;
  std::map<Namespace, Look> looks_;
  std::map<Namespace, std::uint64_t> counts_;  // documents, for the progress: asked once for each repair
  std::unique_ptr<DocumentReader> local_;      // all three only while there is work: connections are few
  std::unique_ptr<DocumentReader> backup_;
  std::unique_ptr<SchemaWriter> schema_;
  // After a copy that broke off in the middle of a page.
  std::vector<std::unique_ptr<BackupWriter>> unsettled_;
  std::unique_ptr<Hold> kept_hold_;
  IndexSync indexes_;
  Backoff backoff_;
  std::stop_token drain_;
  bool postponed_ = false;  // a range waits for a DDL change in the queue, or for capture
  SteadyTime next_owed_;
  Setbacks setbacks_;
  std::atomic<std::uint64_t> documents_done_{0};
  mutable Mutex mutex_;
  CopyStatus status_ DUALSYNC_GUARDED_BY(mutex_);
  std::vector<OwedIndex> owed_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
