// DeleteGuard: a collection that loses most of its documents at once keeps them on the backup until a person decides.
//
// Rule     more than `percent` of a collection of at least kDocumentsMin documents within five minutes of cluster time.
//          Who captures or finds a delete says so first (note_*); a lane asks (verdict) before it sends one
// Rule     from kFreeMin deletes (or kFreePercent of the collection) on, deletes wait until it is known how large the
//          collection is, and until they have paused or are too many. So at most that much of it is gone when it trips
// Rule     what was decided, or found to be few, counts for these deletes only: for as many as the collection still
//          had, and until five minutes pass in which there are few. The next accident is judged anew
// Rule     what is decided or suspected is kept in the queue's state: a restart forgets neither
// States   calm -> suspect -> calm | held -> calm, and beside it a decision on what is still on its way
// Threads  note_*, verdict and view any; run() one thread; decide() any
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "dualsync/base/clock.h"
#include "dualsync/base/mutex.h"
#include "dualsync/base/result.h"
#include "dualsync/codec/ddl_event.h"
#include "dualsync/model/held_deletes.h"
#include "dualsync/model/operation.h"
#include "dualsync/model/scope.h"
#include "dualsync/pipeline/delete_window.h"
#include "dualsync/ports/sides.h"
#include "dualsync/queue/sync_queue.h"

namespace dualsync {

class DeleteGuard {
 public:
  static constexpr std::int64_t kDocumentsMin = 1000;
  static constexpr std::int64_t kFreeMin = 100;
  static constexpr int kFreePercent = 5;
  static constexpr std::chrono::milliseconds kPause{500};  // without a delete: those before it belong together

  enum class Verdict : std::uint8_t { kGo, kWait, kHold, kDiscard };

  // `percent`: 1 to 100; 0: nothing is guarded, what is held already stays held.
  DeleteGuard(int percent, const Scope& scope, LocalSide& local, BackupSide& backup, SyncQueue& queue,
              const Clock& clock);

  Result<void> load();                            // at the start, before anything else
  Result<void> run(const std::stop_token& stop);  // until stopped
  void step();                                    // one look at what is suspect, and at what is being decided

  // Before they go to the queue. kIo and the like: they must not.
  Result<void> note_captured(std::span<const OperationView> operations) DUALSYNC_EXCLUDES(mutex_);
  // Documents that only the backup has, found by a comparison.
  Result<void> note_foreign(const Namespace& ns, OpTime now, std::size_t documents) DUALSYNC_EXCLUDES(mutex_);
  // A rename, drop or dropDatabase has been done on the backup.
  Result<void> follow(const DdlEvent& event) DUALSYNC_EXCLUDES(mutex_);

  // Of a delete of `ns` that happened at `time`.
  Verdict verdict(const Namespace& ns, OpTime time) const DUALSYNC_EXCLUDES(mutex_);

  // `release`: what is held reaches the backup. Otherwise it stays there for good. The number of documents so far; what
  // is still on its way is decided in the same way. kNotFound: nothing is held in `ns`.
  Result<std::uint64_t> decide(const Namespace& ns, bool release) DUALSYNC_EXCLUDES(mutex_);

  std::vector<HeldDeletes> view() const DUALSYNC_EXCLUDES(mutex_);
  std::uint64_t trips() const { return trips_; }  // since the process started

 private:
  enum class Phase : std::uint8_t { kCalm, kSuspect, kHeld };
  enum class Decision : std::uint8_t { kNone, kRelease, kDiscard };
  struct Watch {
    Phase phase = Phase::kCalm;
    Decision decision = Decision::kNone;  // of the deletes up to `until`, as long as some are on their way
    OpTime until;
    DeleteWindow captured;
    DeleteWindow foreign;             // apart: a comparison also finds what is captured and not yet applied
    std::int64_t allowed = kFreeMin;  // deletes that are no news
    std::uint32_t allowed_until = 0;  // cluster time at which that ends, unless more of them come before
    std::int64_t documents = 0;       // of the collection, before; known once it is held
    std::int64_t deletes = 0;         // as the windows had it last
    std::uint32_t second = 0;         // of cluster time, of the last of them
    SteadyTime last_delete;
    std::int64_t since_ms = 0;

    bool calm() const { return phase == Phase::kCalm && decision == Decision::kNone; }
  };
  using Watches = std::map<Namespace, Watch, std::less<>>;

  Result<void> noted(const Namespace& ns, Watch* watch) DUALSYNC_REQUIRES(mutex_);
  Result<void> keep(const Namespace& ns, const Watch& watch) DUALSYNC_REQUIRES(mutex_);
  Result<std::int64_t> count_documents(const Namespace& ns, std::int64_t deletes);
  void judge(const Namespace& ns, std::int64_t documents) DUALSYNC_EXCLUDES(mutex_);
  void finish(const Namespace& ns, OpTime until) DUALSYNC_EXCLUDES(mutex_);
  void count_uncalm() DUALSYNC_REQUIRES(mutex_);

  const int percent_;
  const Scope& scope_;
  LocalSide& local_;
  BackupSide& backup_;
  SyncQueue& queue_;
  const Clock& clock_;
  std::unique_ptr<DocumentReader> local_reader_;   // of run()
  std::unique_ptr<DocumentReader> backup_reader_;  // of run()
  std::atomic<std::uint64_t> trips_{0};
  std::atomic<std::size_t> uncalm_{0};  // namespaces; 0: every verdict is kGo
  mutable Mutex mutex_;
  Watches watches_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
