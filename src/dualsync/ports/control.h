// Control: what the API may ask of the running mirror.
//
// Threads  any number of callers at once
#pragma once

#include <chrono>
#include <vector>

#include "dualsync/base/result.h"
#include "dualsync/model/day_report.h"
#include "dualsync/model/dead_letter.h"
#include "dualsync/model/drill_status.h"
#include "dualsync/model/full_sync.h"
#include "dualsync/model/held_deletes.h"
#include "dualsync/model/queue_listing.h"
#include "dualsync/model/reported.h"
#include "dualsync/model/status.h"
#include "dualsync/model/verify_status.h"
#include "dualsync/model/withheld.h"

namespace dualsync {

class Control {
 public:
  virtual ~Control() = default;

  virtual Status status() const = 0;
  virtual DayReport report() const = 0;             // the last day
  virtual std::string prometheus_text() const = 0;  // the same for Prometheus, with histograms

  // Blocks until every local write made before the call is on the backup and that fact is on disk, or `timeout` ends,
  // or the daemon stops (kStopped). kConnectivity: local's time could not be asked. kUnsupported: the mirror is off.
  virtual Result<WaitOutcome> wait(std::chrono::milliseconds timeout) = 0;

  // Oldest first, at most `limit`.
  virtual Result<std::vector<DeadLetter>> dead_letters(std::size_t limit) const = 0;
  // Queued to be sent as local holds it now; the letter goes when that got through. kNotFound.
  virtual Result<void> retry_dead_letter(SeqNo id) = 0;
  virtual Result<void> discard_dead_letter(SeqNo id) = 0;  // kNotFound

  // Deletes that the mass-delete guard holds in `ns`: they reach the backup, or (not `release`) its documents stay.
  // kNotFound: none are held there.
  virtual Result<HeldDecision> decide_held(const Namespace& ns, bool release) = 0;
  // A page of the documents that are on the backup because of that; see SyncQueue::withheld_documents().
  virtual Result<WithheldPage> held_documents(const Namespace& ns, const std::string& after,
                                              std::size_t limit) const = 0;

  // What middleware saw: the documents are read from local and sent, the ranges compared. On disk when it returns, all
  // of it or nothing. kConnectivity: local was never reached, so nothing can be placed yet. kIo: the queue's disk
  // fails.
  virtual Result<ReportOutcome> report_changes(const ReportedChanges& changes) = 0;

  // The oldest operations of the queue, at most `limit`.
  virtual Result<QueueListing> queue_listing(std::size_t limit) const = 0;

  // Stops and restarts applying; capture goes on. Both may be asked for again. The status after it.
  virtual Result<Status> pause() = 0;
  virtual Result<Status> resume() = 0;

  // Begins to make the backup equal to local, whatever it holds. kConflict: one is running. kInvalidArgument: nothing
  // answers to one of the names.
  virtual Result<FullSyncStatus> start_full_sync(const FullSyncRequest& request) = 0;
  virtual Result<FullSyncStatus> cancel_full_sync() = 0;  // kNotFound: none is running
  virtual FullSyncStatus full_sync() const = 0;           // the newest one

  // Begins to compare. kConflict: one is running, or something stands in the way. kInvalidArgument: nothing answers to
  // one of the names.
  virtual Result<VerifyStatus> start_verify(const VerifyOrder& order) = 0;
  virtual VerifyStatus verify() const = 0;  // the newest one

  // Begins a drill. Errors as start_verify().
  virtual Result<DrillStatus> start_drill(const DrillOrder& order) = 0;
  virtual DrillStatus drill() const = 0;  // the newest one
};

}  // namespace dualsync
