// Reporter: takes what an application changed off its hands and brings it to the queue.
//
// Rule     add() never waits for a disk or a server: what the queue does not take now is kept, and past the bound kept
//          as ranges, which are few
// Rule     what was added is with the queue, durably, when flush() is true; until then only memory has it
// Threads  add(), flush() and view() any; run() one
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "dualsync/base/clock.h"
#include "dualsync/base/mutex.h"
#include "dualsync/base/result.h"
#include "dualsync/model/reported.h"

namespace dualsync {

// All of it or nothing, durable when it returns. Called by run()'s thread.
using ReportSink = std::function<Result<void>(const ReportedChanges&)>;

struct ReporterOptions {
  std::size_t documents_max = 100'000;         // kept in memory
  std::chrono::milliseconds linger{5};         // what comes within it goes together
  std::chrono::milliseconds unsure_for{1000};  // how long a server may take for what it has not answered
};

struct ReporterView {
  std::size_t waiting = 0;       // documents and ranges
  std::uint64_t documents = 0;   // told to the queue
  std::uint64_t ranges = 0;      // told to the queue
  std::optional<Error> trouble;  // why the queue takes nothing now
};

class Reporter {
 public:
  Reporter(const Clock& clock, ReportSink sink, ReporterOptions options = {});

  void add(ReportedChanges&& changes) DUALSYNC_EXCLUDES(mutex_);
  // The server may not have done it yet, or do it late: told once that is over.
  void add_unsure(ReportedChanges&& changes) DUALSYNC_EXCLUDES(mutex_);

  void run(const std::stop_token& stop) DUALSYNC_EXCLUDES(mutex_);

  // True: everything added before the call is with the queue. False: not within `timeout`.
  bool flush(std::chrono::milliseconds timeout) DUALSYNC_EXCLUDES(mutex_);
  ReporterView view() const DUALSYNC_EXCLUDES(mutex_);

 private:
  bool has_work() const DUALSYNC_REQUIRES(mutex_);
  bool is_idle() const DUALSYNC_REQUIRES(mutex_);
  ReportedChanges take() DUALSYNC_REQUIRES(mutex_);
  void told(ReportedChanges&& changes, const Result<void>& outcome) DUALSYNC_EXCLUDES(mutex_);

  const Clock& clock_;
  const ReportSink sink_;
  const ReporterOptions options_;

  mutable Mutex mutex_;
  CondVar changed_;
  ReportedChanges ready_ DUALSYNC_GUARDED_BY(mutex_);
  // Two, so that each waits for its whole time although more comes: the first ripens, the second collects.
  ReportedChanges ripening_ DUALSYNC_GUARDED_BY(mutex_);
  ReportedChanges unsure_ DUALSYNC_GUARDED_BY(mutex_);
  SteadyTime ripe_at_ DUALSYNC_GUARDED_BY(mutex_);
  std::size_t telling_ DUALSYNC_GUARDED_BY(mutex_) = 0;
  ReporterView view_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
