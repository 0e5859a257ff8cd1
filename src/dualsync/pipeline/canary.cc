#include "dualsync/pipeline/canary.h"

#include <algorithm>
#include <utility>

#include "dualsync/base/log.h"
#include "dualsync/base/waiting.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kPoll{50};
constexpr std::chrono::milliseconds kReadAgain{1000};
// Refused operations hold back the applied position while they are tried again, for close to two minutes.
constexpr std::chrono::seconds kLateMin{150};
constexpr int kLateIntervals = 2;

std::int64_t seconds_between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration_cast<std::chrono::seconds>(to - from).count();
}

}  // namespace

Canary::Canary(const Clock& clock, std::chrono::milliseconds interval, CanaryHooks hooks)
    : clock_(clock), interval_(interval), hooks_(std::move(hooks)), next_(clock.now()), next_read_(clock.now()) {
  MutexLock lock(mutex_);
  progress_ = clock.now();
  if (interval_.count() == 0) return;
  status_.state = CanaryStatus::State::kArrived;
  const auto late = std::max<std::chrono::milliseconds>(kLateMin, interval_ * kLateIntervals);
  status_.late_seconds = std::chrono::duration_cast<std::chrono::seconds>(late).count();
}

void Canary::run(const std::stop_token& stop) {
  if (interval_.count() == 0) return;
  while (!stop.stop_requested() && step()) sleep_for(kPoll, stop);
}

bool Canary::step() {
  const std::uint64_t acknowledged = hooks_.acknowledged();
  bool waiting = false;
  {
    MutexLock lock(mutex_);
    if (acknowledged != acknowledged_ || !sent_) progress_ = clock_.now();
    waiting = sent_.has_value();
  }
  acknowledged_ = acknowledged;
  if (waiting) {
    look();
    return true;
  }
  return clock_.now() < next_ || send();
}

bool Canary::send() {
  next_ = clock_.now() + interval_;
  // Whoever reads local tells of a wrong or absent one; there is nothing to add.
  if (!hooks_.confirm()) return true;
  const std::int64_t count = clock_.unix_ms();
  const auto time = hooks_.write(count);
  MutexLock lock(mutex_);
  if (time) {
    sent_ = Sent{count, *time, clock_.now()};
    progress_ = clock_.now();
    status_.state = CanaryStatus::State::kWaiting;
    return true;
  }
  if (time.error().kind != ErrorKind::kDenied && time.error().kind != ErrorKind::kRefused) return true;
  status_.state = CanaryStatus::State::kRefused;
  status_.cause = time.error().message;
  log::warn("canary", "no canary: our user may not write dualsync.canary on local",
            {{"error", time.error().message}, {"hint", "grant readWrite on dualsync, see docs/roles.md"}});
  return false;
}

void Canary::look() {
  Sent sent;
  {
    MutexLock lock(mutex_);
    sent = *sent_;
  }
  if (hooks_.applied() < sent.time || clock_.now() < next_read_) return;
  if (!hooks_.read) return arrived(CanaryStatus::State::kArrived);
  next_read_ = clock_.now() + kReadAgain;
  const auto count = hooks_.read();
  if (!count) return;  // the breaker tells of a backup that does not answer
  next_read_ = clock_.now();
  const bool there = count->has_value() && **count == sent.count;
  if (!there) {
    log::error(
        "canary", "the backup acknowledged our canary and does not have it",
        {{"hint",
          "did somebody write to the backup, or bring back an older copy of it? `dualsync verify` says what differs"}});
  }
  arrived(there ? CanaryStatus::State::kArrived : CanaryStatus::State::kMissing);
}

void Canary::arrived(CanaryStatus::State state) {
  MutexLock lock(mutex_);
  status_.state = state;
  if (state == CanaryStatus::State::kArrived) {
    status_.last_arrival_ms = clock_.unix_ms();
    const auto took = clock_.now() - sent_->at;
    status_.round_trip_ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  }
  sent_.reset();
}

CanaryStatus Canary::view() const {
  MutexLock lock(mutex_);
  CanaryStatus status = status_;
  if (!sent_) return status;
  status.waiting_seconds = seconds_between(sent_->at, clock_.now());
  status.idle_seconds = std::min(status.waiting_seconds, seconds_between(progress_, clock_.now()));
  return status;
}

}  // namespace dualsync
