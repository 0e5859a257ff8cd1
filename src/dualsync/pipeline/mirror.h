// Mirror: owns the threads that make the backup follow local, and answers for them.
//
// Threads  capture, one per lane, DDL, full sync, tick. start() starts them; stop() ends them in the order in which
//          nothing is lost, and waits for each. See docs/threads.md
// Errors   failure() tells when the mirror cannot go on; the rest of it stays asleep until stop()
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "dualsync/observe/backlog_watch.h"
#include "dualsync/observe/history.h"
#include "dualsync/observe/mirror_metrics.h"
#include "dualsync/observe/proof_file.h"
#include "dualsync/pipeline/canary.h"
#include "dualsync/pipeline/capture.h"
#include "dualsync/pipeline/cluster_clock.h"
#include "dualsync/pipeline/ddl_applier.h"
#include "dualsync/pipeline/drill_schedule.h"
#include "dualsync/pipeline/full_sync.h"
#include "dualsync/pipeline/lane.h"
#include "dualsync/pipeline/queue_keeper.h"
#include "dualsync/pipeline/reconciler.h"
#include "dualsync/pipeline/time_series_list.h"
#include "dualsync/pipeline/verify_service.h"
#include "dualsync/pipeline/writer_guard.h"
#include "dualsync/ports/control.h"

namespace dualsync {

// Who lets the mirror write, and read; they must outlive it. Null: everybody may (tests).
struct MirrorGuards {
  WriterGuard* writer = nullptr;
  LocalGuard* local = nullptr;
  const BackupGuard* backup = nullptr;
};

// What proves the backup beside the mirror; outlives its API. Null: there is none (tests).
struct MirrorProvers {
  VerifyService* verify = nullptr;
  DrillSchedule* drills = nullptr;
  const History* history = nullptr;
  const Canary* canary = nullptr;
  const Reconciler* reconciler = nullptr;
};

class Mirror final : public Control {
 public:
  Mirror(PipelineOptions options, const Scope& scope, LocalSide& local, BackupSide& backup, SyncQueue& queue,
         const Clock& clock, MirrorGuards guards = {});
  ~Mirror() override;

  // What the threads share, for those who work beside the mirror and end before it.
  PipelineContext& context() { return context_; }
  void attach(MirrorProvers provers) { provers_ = provers; }  // before start()
  // Called about once a second with the newest picture; before start().
  void watch(std::function<void(const Status&)> watcher) { watcher_ = std::move(watcher); }
  void set_limits(std::uint64_t operations_per_second, std::uint64_t bytes_per_second) {
    limiter_.set_limits(operations_per_second, bytes_per_second);
  }
  void start();
  // Goes on until what is captured by now is on the backup or `drain` is over (at once while the backup is offline or
  // not ours), then ends capture, the lanes, and the lease. Capture runs until then: what a touch reads counts only
  // once capture has passed the time of the read.
  void stop(std::chrono::milliseconds drain);

  std::optional<Error> failure() const;

  Status status() const override;
  DayReport report() const override;
  std::string prometheus_text() const override { return metrics_.text(status()); }
  Result<WaitOutcome> wait(std::chrono::milliseconds timeout) override;
  Result<std::vector<DeadLetter>> dead_letters(std::size_t limit) const override;
  Result<void> retry_dead_letter(SeqNo id) override;
  Result<void> discard_dead_letter(SeqNo id) override;
  Result<Status> pause() override;
  Result<Status> resume() override;
  Result<HeldDecision> decide_held(const Namespace& ns, bool release) override;
  Result<WithheldPage> held_documents(const Namespace& ns, const std::string& after, std::size_t limit) const override {
    return queue_.withheld_documents(ns, after, limit);
  }
  Result<QueueListing> queue_listing(std::size_t limit) const override { return queue_.list(limit); }
  Result<ReportOutcome> report_changes(const ReportedChanges& changes) override;
  Result<DrillStatus> start_drill(const DrillOrder& order) override;
  DrillStatus drill() const override;
  Result<FullSyncStatus> start_full_sync(const FullSyncRequest& request) override;
  Result<FullSyncStatus> cancel_full_sync() override { return full_sync_.job().cancel(); }
  FullSyncStatus full_sync() const override { return full_sync_.job().view(); }
  Result<VerifyStatus> start_verify(const VerifyOrder& order) override;
  VerifyStatus verify() const override;
  std::vector<RefusedRepair> refused_repairs() const { return full_sync_.refused(); }

 private:
  void spawn(const char* name, std::stop_token stop, std::function<Result<void>(std::stop_token)> body);
  void tick(std::stop_token stop);
  void log_changes(const Status& status);
  std::uint64_t held_documents_count() const;
  std::string blocked_by(const Status& status) const;
  double wall_seconds() const;
  std::uint64_t repairs_due() const;
  double rpo_seconds(const Status& status) const;
  void say_who_writes(Status* status) const;

  const Scope& scope_;
  LocalSide& local_;
  SyncQueue& queue_;
  const Clock& clock_;
  const MirrorGuards guards_;
  CircuitBreaker breaker_;
  Pause pause_;
  PipelineCounters counters_;
  MirrorMetrics metrics_;
  RateLimiter limiter_;
  TimeSeriesList time_series_;
  DeleteGuard delete_guard_;
  PipelineContext context_;
  Capture capture_;
  FullSync full_sync_;
  DdlApplier ddl_;
  QueueKeeper keeper_;  // of the tick thread
  std::vector<std::unique_ptr<Lane>> lanes_;
  const SteadyTime started_;
  MirrorProvers provers_;

  std::function<void(const Status&)> watcher_;

  std::stop_source stop_waits_;  // of the API
  std::stop_source stop_capture_;
  std::stop_source stop_all_;
  std::vector<std::jthread> capture_threads_;
  std::vector<std::jthread> threads_;

  mutable Mutex mutex_;
  std::optional<Error> failure_ DUALSYNC_GUARDED_BY(mutex_);
  std::optional<std::int64_t> oplog_window_ DUALSYNC_GUARDED_BY(mutex_);
  Proofs proofs_ DUALSYNC_GUARDED_BY(mutex_);
  BacklogWatch backlog_ DUALSYNC_GUARDED_BY(mutex_);
  ClusterClock cluster_clock_ DUALSYNC_GUARDED_BY(mutex_);
  OpTime synced_applied_ DUALSYNC_GUARDED_BY(mutex_);  // applied position that is on disk
  std::optional<Verdict> last_verdict_;                // of the tick thread
};

}  // namespace dualsync
