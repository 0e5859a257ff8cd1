#include "dualsync/pipeline/breaker.h"

#include "dualsync/base/log.h"

namespace dualsync {

std::optional<CircuitBreaker::Permit> CircuitBreaker::permit_now() {
  if (state_ == BreakerState::kClosed) return Permit::kGo;
  if (state_ != BreakerState::kOpen || clock_.now() < probe_at_) return std::nullopt;
  state_ = BreakerState::kHalfOpen;
  return Permit::kProbe;
}

std::optional<CircuitBreaker::Permit> CircuitBreaker::try_acquire() {
  MutexLock lock(mutex_);
  return permit_now();
}

CircuitBreaker::Permit CircuitBreaker::acquire(std::stop_token stop) {
  MutexLock lock(mutex_);
  for (;;) {
    if (stop.stop_requested()) return Permit::kStop;
    if (const auto permit = permit_now()) return *permit;
    const auto wait =
        state_ == BreakerState::kOpen ? probe_at_ - clock_.now() : SteadyTime::duration(std::chrono::seconds(1));
    const BreakerState seen = state_;
    changed_.wait_for(mutex_, stop, wait, [&] { return state_ != seen; });
  }
}

bool CircuitBreaker::closed() const {
  MutexLock lock(mutex_);
  return state_ == BreakerState::kClosed;
}

bool CircuitBreaker::trouble_free() const {
  MutexLock lock(mutex_);
  return state_ == BreakerState::kClosed && failures_ == 0;
}

void CircuitBreaker::success() {
  MutexLock lock(mutex_);
  failures_ = 0;
  full_ = false;
  if (state_ == BreakerState::kClosed) return;
  state_ = BreakerState::kClosed;
  backoff_.reset();
  log::info("breaker", "backup is back",
            {{"offline_seconds", std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - opened_).count()}});
  changed_.notify_all();
}

void CircuitBreaker::failure(const std::string& cause, bool now) {
  MutexLock lock(mutex_);
  cause_ = cause;
  ++failures_;
  if (state_ == BreakerState::kOpen) return;
  if (state_ == BreakerState::kClosed) {
    if (failures_ < kFailuresToOpen && !now) return;
    opened_ = clock_.now();
    log::warn("breaker", "backup is offline; changes are kept until it is back", {{"cause", cause}});
  }
  state_ = BreakerState::kOpen;
  probe_at_ = clock_.now() + backoff_.next();
  changed_.notify_all();
}

void CircuitBreaker::full(const std::string& cause) {
  {
    MutexLock lock(mutex_);
    full_ = true;
  }
  failure(cause, true);
}

bool CircuitBreaker::is_full() const {
  MutexLock lock(mutex_);
  return full_;
}

void CircuitBreaker::probe_again() {
  MutexLock lock(mutex_);
  if (state_ != BreakerState::kHalfOpen) return;
  state_ = BreakerState::kOpen;
  probe_at_ = clock_.now();
  changed_.notify_all();
}

CircuitBreaker::View CircuitBreaker::view() const {
  MutexLock lock(mutex_);
  View view;
  view.state = state_;
  if (state_ == BreakerState::kClosed) return view;
  view.seconds = std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - opened_).count();
  view.cause = cause_;
  return view;
}

}  // namespace dualsync
