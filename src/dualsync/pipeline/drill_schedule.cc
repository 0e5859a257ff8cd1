#include "dualsync/pipeline/drill_schedule.h"

#include <algorithm>
#include <utility>

#include "dualsync/base/log.h"
#include "dualsync/base/waiting.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kDrillLook{1000};
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

// What ended for another reason says nothing of the backup.
bool was_tried(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kConflict:
    case ErrorKind::kConnectivity:
    case ErrorKind::kStopped:
    case ErrorKind::kInvalidArgument: return false;
    default: return true;
  }
}

}  // namespace

std::string drill_obstacle(const Status& status) {
  if (status.local == LocalTrust::kWrong) return "local is not the right one";
  if (!is_reading(status.capture)) return "local's changes are not being read";
  if (status.paused_since_ms) return "applying is paused";
  if (status.breaker != BreakerState::kClosed) return "the backup is offline";
  if (status.writer != WriterState::kOwner) return "this process does not write to the backup";
  if (status.applied_position.is_null()) return "the first copy is not complete";
  if (status.repairs_due > 0) return "namespaces are being compared and repaired";
  return {};
}

bool DrillSchedule::due(std::optional<std::int64_t> last_success_ms) const {
  const std::chrono::milliseconds interval = interval_;
  if (interval.count() == 0) return false;
  const std::int64_t now = clock_.unix_ms();
  if (attempt_ && now < attempt_->ended_ms + (attempt_->tried ? interval : std::min(interval, kSoon)).count())
    return false;
  // A success of the future is of a clock that was wrong.
  return !last_success_ms || *last_success_ms > now || now - *last_success_ms >= interval.count();
}

void DrillSchedule::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    step(stop);
    sleep_for(kDrillLook, stop);
  }
}

Result<DrillStatus> DrillSchedule::start(const DrillOrder& order) {
  const std::string obstacle = hooks_.obstacle();
  MutexLock lock(mutex_);
  if (status_.state == DrillStatus::State::kRunning)
    return Error{ErrorKind::kConflict, "a drill is running already", "wait for its end", 0};
  if (!obstacle.empty()) {
    return Error{ErrorKind::kConflict, "the backup cannot be drilled now: " + obstacle,
                 "ask again when that is over; `dualsync status` tells", 0};
  }
  order_ = order;
  begin(false);
  return status_;
}

DrillStatus DrillSchedule::view() const {
  MutexLock lock(mutex_);
  return status_;
}

void DrillSchedule::begin(bool scheduled) {
  const std::uint64_t id = status_.id + 1;
  status_ = {};
  status_.id = id;
  status_.state = DrillStatus::State::kRunning;
  status_.scheduled = scheduled;
  status_.started_ms = clock_.unix_ms();
}

// What is to be drilled now, if anything; it is then the running one.
std::optional<DrillOrder> DrillSchedule::next_order(std::optional<std::int64_t> last_success_ms) {
  {
    MutexLock lock(mutex_);
    if (last_success_ms && *last_success_ms > failed_ms_) failure_.clear();
    if (order_) return std::exchange(order_, std::nullopt);
  }
  if (!due(last_success_ms) || !hooks_.obstacle().empty()) return std::nullopt;
  MutexLock lock(mutex_);
  if (order_) return std::exchange(order_, std::nullopt);
  begin(true);
  return DrillOrder{};
}

bool DrillSchedule::step(const std::stop_token& stop) {
  const auto order = next_order(hooks_.last_success_ms());
  if (!order) return false;
  log::info("drill", "the backup is restored into scratch databases, to prove that it can be");
  const auto report = hooks_.drill(*order, stop);
  const bool tried = report || was_tried(report.error().kind);
  if (order->namespaces.empty()) attempt_ = {clock_.unix_ms(), tried};
  if (!tried) log::warn("drill", "nothing is proven either way", {{"error", report.error().message}});
  note(report, tried);
  return true;
}

void DrillSchedule::note(const Result<DrillReport>& report, bool tried) {
  std::string failure;
  if (!report) failure = report.error().message;
  if (report && !report->sound()) failure = damage_of(*report);
  if (failure.empty()) {
    log::info("drill", "the backup can be restored: what came back is what it holds",
              {{"documents", report->documents()},
               {"seconds", report->seconds},
               {"compared_with_local", report->compared},
               {"leftovers_dropped", report->leftovers}});
  } else if (tried) {
    log::warn("drill", "the drill failed", {{"why", failure}});
  }
  MutexLock lock(mutex_);
  status_.finished_ms = clock_.unix_ms();
  if (!report) {
    status_.state = DrillStatus::State::kFailed;
    status_.error = failure;
  } else {
    status_.state = failure.empty() ? DrillStatus::State::kProven : DrillStatus::State::kNotProven;
    status_.report = *report;
  }
  // A part that is sound does not take back what was found wrong elsewhere.
  const bool clears = report && failure.empty() && report->whole;
  if (!tried || (failure.empty() && !clears)) return;
  failure_ = failure;
  failed_ms_ = failure.empty() ? 0 : status_.finished_ms;
}

std::string DrillSchedule::failure() const {
  MutexLock lock(mutex_);
  return failure_;
}

}  // namespace dualsync
