// DrillSchedule: a drill every SYNC_DRILL_INTERVAL and whenever somebody asks, and what came of the last one.
//
// Order    due an interval after the last success, whoever drilled, or after the last try of its own; at once if there
//          never was one. It waits while something stands in the way. What could not be tried (a server that is away,
//          another drill) is tried again soon and is no failure
// Threads  run() is one thread's; the rest any
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "dualsync/base/clock.h"
#include "dualsync/base/mutex.h"
#include "dualsync/base/result.h"
#include "dualsync/model/drill_status.h"
#include "dualsync/model/status.h"

namespace dualsync {

// Why a drill has to wait: the first copy or a repair runs, the backup is away or not ours, local is the wrong one.
// Empty: it may run.
std::string drill_obstacle(const Status& status);

struct DrillHooks {
  std::function<std::string()> obstacle;
  std::function<Result<DrillReport>(const DrillOrder&, std::stop_token)> drill;
  std::function<std::optional<std::int64_t>()> last_success_ms;  // Unix time
};

class DrillSchedule {
 public:
  // `interval`: zero drills on request only.
  DrillSchedule(const Clock& clock, std::chrono::milliseconds interval, DrillHooks hooks)
      : clock_(clock), interval_(interval), hooks_(std::move(hooks)) {}

  void run(const std::stop_token& stop);  // until stopped
  void set_interval(std::chrono::milliseconds interval) { interval_ = interval; }
  // One look at the clock; true if it drilled.
  bool step(const std::stop_token& stop) DUALSYNC_EXCLUDES(mutex_);

  // Begins with it at the next look. kConflict: one runs, or something stands in the way.
  Result<DrillStatus> start(const DrillOrder& order) DUALSYNC_EXCLUDES(mutex_);
  DrillStatus view() const DUALSYNC_EXCLUDES(mutex_);  // the newest one

  // What the last drill of everything found wrong; empty after a success, and before the first.
  std::string failure() const DUALSYNC_EXCLUDES(mutex_);

 private:
  bool due(std::optional<std::int64_t> last_success_ms) const;
  std::optional<DrillOrder> next_order(std::optional<std::int64_t> last_success_ms) DUALSYNC_EXCLUDES(mutex_);
  void begin(bool scheduled) DUALSYNC_REQUIRES(mutex_);
  void note(const Result<DrillReport>& report, bool tried) DUALSYNC_EXCLUDES(mutex_);

  const Clock& clock_;
  std::atomic<std::chrono::milliseconds> interval_;
  const DrillHooks hooks_;
  struct Attempt {
    std::int64_t ended_ms = 0;
    bool tried = false;  // false: nothing was proven either way
  };
  std::optional<Attempt> attempt_;  // of the running thread: the last one of everything
  mutable Mutex mutex_;
  std::optional<DrillOrder> order_ DUALSYNC_GUARDED_BY(mutex_);  // asked for and not yet begun
  DrillStatus status_ DUALSYNC_GUARDED_BY(mutex_);
  std::string failure_ DUALSYNC_GUARDED_BY(mutex_);
  std::int64_t failed_ms_ DUALSYNC_GUARDED_BY(mutex_) = 0;
};

}  // namespace dualsync
