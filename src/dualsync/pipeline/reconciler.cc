#include "dualsync/pipeline/reconciler.h"

#include <utility>

#include "dualsync/base/log.h"
#include "dualsync/base/waiting.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kReconcileLook{200};
constexpr std::chrono::seconds kAgain{5};  // after a start that failed

std::uint64_t repairs_of(const FullSyncStatus& sync) {
  std::uint64_t repairs = 0;
  for (const FullSyncPart& part : sync.parts) repairs += part.repairs;
  return repairs;
}

}  // namespace

Reconciler::Reconciler(const Clock& clock, std::chrono::milliseconds interval, bool at_once, ReconcileHooks hooks)
    : clock_(clock),
      interval_(interval),
      hooks_(std::move(hooks)),
      next_(at_once ? clock.now() : clock.now() + interval) {
  MutexLock lock(mutex_);
  status_.on = interval_.count() > 0;
  status_.interval_seconds = std::chrono::duration_cast<std::chrono::seconds>(interval_).count();
}

ReconcileStatus Reconciler::view() const {
  MutexLock lock(mutex_);
  return status_;
}

void Reconciler::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    step();
    sleep_for(kReconcileLook, stop);
  }
}

void Reconciler::step() {
  if (id_ != 0) return follow();
  const SteadyTime now = clock_.now();
  const bool by_interval = interval_.count() > 0 && now >= next_;
  if (now >= retry_at_ && (by_interval || (owed_ && !begun_))) begin();
}

void Reconciler::begin() {
  if (!hooks_.obstacle().empty()) return;
  if (hooks_.view().state == FullSyncStatus::State::kRunning) return;
  FullSyncRequest request;
  request.only_ours = true;
  const auto started = hooks_.start(request);
  if (!started) {
    retry_at_ = clock_.now() + kAgain;
    log::warn("reconcile", "comparing with local could not begin; tried again",
              {{"error", started.error().message}, {"hint", started.error().hint}});
    return;
  }
  id_ = started->id;
  begun_ = true;
  MutexLock lock(mutex_);
  status_.running = true;
}

void Reconciler::follow() {
  const FullSyncStatus sync = hooks_.view();
  if (sync.id == id_ && sync.state == FullSyncStatus::State::kRunning) return;
  const bool done = sync.id == id_ && sync.state == FullSyncStatus::State::kDone;
  id_ = 0;
  next_ = clock_.now() + interval_;
  const std::uint64_t repaired = repairs_of(sync);
  {
    MutexLock lock(mutex_);
    status_.running = false;
    if (done) {
      status_.last_ms = clock_.unix_ms();
      status_.repaired = repaired;
    }
  }
  if (done) log::info("reconcile", "the backup was made equal to local", {{"repaired", repaired}});
}

}  // namespace dualsync
