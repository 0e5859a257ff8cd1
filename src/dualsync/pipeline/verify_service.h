// VerifyService: comparisons inside the daemon, on request and every SYNC_VERIFY_INTERVAL; what they find is repaired.
//
// Shape    the one comparing walk (Verifier) over connections of its own, collection by collection, range by range; it
//          works no more than half of the time while operations wait for the lanes
// Order    due an interval after the last comparison of everything, whoever asked for it; the first one an interval
//          after the first copy. What could not be compared (a server that is away) is tried again soon. Those of the
//          schedule are quick (quick_compare.h), but for one in `full_interval`, which reads everything
// Rule     at most one runs. One of the schedule repairs what it finds and compares that once more; one that was asked
//          for does so if the order says so
// Threads  run() is one thread's; the rest any
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "dualsync/base/mutex.h"
#include "dualsync/model/verify_status.h"
#include "dualsync/pipeline/context.h"
#include "dualsync/pipeline/verifier.h"
#include "dualsync/pipeline/verify_record.h"

namespace dualsync {

struct VerifySides {
  std::unique_ptr<LocalSide> local;
  std::unique_ptr<BackupSide> backup;
};

struct VerifyHooks {
  std::function<std::string()> obstacle;                  // why nothing can be compared at the moment; empty: it can
  std::function<Result<bool>(std::stop_token)> catch_up;  // as RecheckOptions has it
  std::function<Result<VerifySides>()> connect;
  std::function<Result<void>(OpTime)> proven;           // everything in scope is equal up to then
  std::function<std::vector<RefusedRepair>()> refused;  // as VerifyRepair has it
};

class VerifyService {
 public:
  // `interval` of zero: only on request; `full_interval` of zero: everything is read each time.
  VerifyService(PipelineContext& context, std::chrono::milliseconds interval, std::chrono::milliseconds full_interval,
                VerifyHooks hooks)
      : context_(context), interval_(interval), full_interval_(full_interval), hooks_(std::move(hooks)) {}

  Result<void> load();  // what an earlier process found; before everything else

  // Returns when it is accepted. kConflict: one is running, or something stands in the way. kInvalidArgument: nothing
  // answers to one of the names.
  Result<VerifyStatus> start(const VerifyOrder& order) DUALSYNC_EXCLUDES(mutex_);
  VerifyStatus view() const DUALSYNC_EXCLUDES(mutex_);
  // What is known to differ and not repaired, in words; empty: nothing.
  std::string findings() const DUALSYNC_EXCLUDES(mutex_);

  void set_intervals(std::chrono::milliseconds interval, std::chrono::milliseconds full_interval) {
    interval_ = interval;
    full_interval_ = full_interval;
  }
  void run(const std::stop_token& stop);  // until stopped
  // One look at the clock and the orders; true if it compared.
  bool step(const std::stop_token& stop) DUALSYNC_EXCLUDES(mutex_);

 private:
  bool due() DUALSYNC_EXCLUDES(mutex_);
  bool quick_will_do() const DUALSYNC_EXCLUDES(mutex_);
  void begin(const VerifyOrder& order, bool scheduled) DUALSYNC_REQUIRES(mutex_);
  Result<void> execute(const VerifyOrder& order, const std::stop_token& stop) DUALSYNC_EXCLUDES(mutex_);
  // `marks`, if it is again what was compared and repaired a moment ago: see VerifyOptions.
  using Marks = std::map<Namespace, std::vector<std::uint64_t>>;
  Result<VerifyReport> compare(VerifySides& sides, const VerifyOrder& order, const Marks* marks,
                               const std::stop_token& stop) DUALSYNC_EXCLUDES(mutex_);
  // What is left of the differences of `report`.
  Result<VerifyReport> repair(VerifySides& sides, const VerifyOrder& order, const VerifyReport& report,
                              const std::stop_token& stop) DUALSYNC_EXCLUDES(mutex_);
  void tell(const VerifyReport& report) const;
  void learn(const NamespaceReport& report) DUALSYNC_REQUIRES(mutex_);
  bool is_due(const NamespaceReport& report) const DUALSYNC_REQUIRES(mutex_);
  void planned(const Namespace& ns, std::uint64_t documents) DUALSYNC_EXCLUDES(mutex_);
  void advanced(const CompareProgress& progress) DUALSYNC_EXCLUDES(mutex_);
  void compared(const NamespaceReport& report) DUALSYNC_EXCLUDES(mutex_);
  VerifyPart& part(const Namespace& ns) DUALSYNC_REQUIRES(mutex_);
  void set_phase(VerifyStatus::Phase phase) DUALSYNC_EXCLUDES(mutex_);
  void end(const Result<void>& ended) DUALSYNC_EXCLUDES(mutex_);
  Result<void> save() DUALSYNC_REQUIRES(mutex_);

  PipelineContext& context_;
  std::atomic<std::chrono::milliseconds> interval_;
  std::atomic<std::chrono::milliseconds> full_interval_;
  const VerifyHooks hooks_;
  std::optional<std::int64_t> retry_ms_;  // of the running thread: the schedule does not try before this
  mutable Mutex mutex_;
  VerifyRecord record_ DUALSYNC_GUARDED_BY(mutex_);
  std::optional<VerifyOrder> order_ DUALSYNC_GUARDED_BY(mutex_);  // accepted, not begun
};

}  // namespace dualsync
