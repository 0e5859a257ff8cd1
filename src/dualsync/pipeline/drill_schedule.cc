#include "dualsync/pipeline/drill_schedule.h"

#include <algorithm>

#include "dualsync/base/log.h"
#include "dualsync/pipeline/waiting.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kLook{1000};
constexpr std::chrono::milliseconds kSoon = std::chrono::minutes(1);
constexpr std::size_t kNamed = 3;  // collections

// The first collections with what is wrong with each.
std::string damage_of(const DrillReport& report) {
  std::string text;
  std::size_t damaged = 0;
  for (const DrilledNamespace& one : report.namespaces) {
    if (one.sound() || ++damaged > kNamed) continue;
    text += (text.empty() ? "" : "; ") + one.ns.full() + ": ";
    if (!one.problems.empty()) text += one.problems.front();
    if (one.difference_count == 0) continue;
    text += (one.problems.empty() ? "" : ", ") + std::to_string(one.difference_count) + " documents differ from local";
  }
  if (damaged > kNamed) text += "; and " + std::to_string(damaged - kNamed) + " more";
  return text;
}

}  // namespace

std::string drill_obstacle(const Status& status) {
  if (status.local == LocalTrust::kWrong) return "local is not the right one";
  if (status.capture != CaptureState::kStreaming) return "local's changes are not being read";
  if (status.breaker != BreakerState::kClosed) return "the backup is offline";
  if (status.writer != WriterState::kOwner) return "this process does not write to the backup";
  if (status.applied_position.is_null()) return "the first copy is not complete";
  if (status.copy.running || status.dirty_ranges > 0) return "namespaces are being compared and repaired";
  return {};
}

bool DrillSchedule::due(std::optional<std::int64_t> last_success_ms) const {
  const std::int64_t now = clock_.unix_ms();
  if (next_ms_ && now < *next_ms_) return false;
  // A success of the future is of a clock that was wrong.
  return !last_success_ms || *last_success_ms > now || now - *last_success_ms >= interval_.count();
}

void DrillSchedule::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    step(stop);
    sleep_for(kLook, stop);
  }
}

bool DrillSchedule::step(const std::stop_token& stop) {
  const auto last = hooks_.last_success_ms();
  {
    MutexLock lock(mutex_);
    if (last && *last > failed_ms_) failure_.clear();
  }
  if (!due(last) || !hooks_.obstacle().empty()) return false;
  log::info("drill", "the backup is restored into scratch databases, to prove that it can be");
  const auto report = hooks_.drill(stop);
  const bool tried =
      report || (report.error().kind != ErrorKind::kConflict && report.error().kind != ErrorKind::kConnectivity &&
                 report.error().kind != ErrorKind::kStopped);
  next_ms_ = clock_.unix_ms() + (tried ? interval_ : std::min(interval_, kSoon)).count();
  if (tried) {
    note(report);
  } else {
    log::warn("drill", "nothing is proven either way; tried again soon", {{"error", report.error().message}});
  }
  return true;
}

void DrillSchedule::note(const Result<DrillReport>& report) {
  std::string failure;
  if (!report) failure = report.error().message;
  if (report && !report->sound()) failure = damage_of(*report);
  if (failure.empty()) {
    log::info("drill", "the backup can be restored: what came back is what it holds",
              {{"documents", report->documents()},
               {"seconds", report->seconds},
               {"compared_with_local", report->compared},
               {"leftovers_dropped", report->leftovers}});
  } else {
    log::warn("drill", "the drill failed", {{"why", failure}});
  }
  MutexLock lock(mutex_);
  failure_ = failure;
  failed_ms_ = failure.empty() ? 0 : clock_.unix_ms();
}

std::string DrillSchedule::failure() const {
  MutexLock lock(mutex_);
  return failure_;
}

}  // namespace dualsync
