#include "dualsync/pipeline/lease.h"

#include <algorithm>

namespace dualsync {
namespace {

constexpr int kRenewalsPerLease = 6;  // long before it ends, so that writing hardly ever has to wait
constexpr int kLooksPerLease = 6;
constexpr std::chrono::milliseconds kRetryMin{100};
constexpr std::chrono::milliseconds kRetryMax{2000};

}  // namespace

Lease::Lease(LeaseOptions options, LeaseHolder me) : options_(options), me_(std::move(me)) {}

void Lease::next(std::optional<Request> request, BootTime at) {
  request_ = std::move(request);
  wake_at_ = at;
}

std::optional<Lease::Request> Lease::request(BootTime now) {
  if (!request_ || now < wake_at_) return std::nullopt;
  sent_at_ = now;
  return request_;
}

std::chrono::milliseconds Lease::watch_time() const {
  return std::max(options_.duration, seen_.duration) + std::max(options_.timeout, seen_.timeout);
}

bool Lease::same_place(const LeaseHolder& holder) const {
  return holder.installation == me_.installation && holder.boot == me_.boot && holder.host == me_.host &&
         holder.data_dir == me_.data_dir;
}

void Lease::take(const std::optional<LeaseRecord>& expected) {
  LeaseRecord record;
  record.epoch = expected ? expected->epoch + 1 : 1;
  record.holder = me_;
  record.duration = options_.duration;
  record.timeout = options_.timeout;
  next(Write{expected, record}, wake_at_);
}

void Lease::watch(const LeaseRecord& record, BootTime now) {
  state_ = State::kWatching;
  seen_ = record;
  seen_at_ = now;
  next(Read{}, now + options_.duration / kLooksPerLease);
}

void Lease::read_answer(const std::optional<LeaseRecord>& record, BootTime now) {
  if (final()) return;
  if (state_ == State::kHeld) {
    if (record && record->epoch == mine_.epoch && record->holder.process == me_.process) {
      // A renewal whose answer was lost may have been stored; the next one builds on it.
      mine_ = *record;
      LeaseRecord renewed = mine_;
      ++renewed.renewal;
      return next(Write{mine_, renewed}, now);
    }
    // Removed by hand: nobody has it. What counts is who writes first.
    if (!record) return take(std::nullopt);
    state_ = State::kLost;
    seen_ = *record;
    return next(std::nullopt, now);
  }
  if (!record || !record->held() || same_place(record->holder)) return take(record);
  if (state_ != State::kWatching) return watch(*record, now);
  if (record->epoch != seen_.epoch || record->renewal != seen_.renewal) {
    state_ = State::kRefused;
    seen_ = *record;
    return next(std::nullopt, now);
  }
  if (now - seen_at_ >= watch_time()) return take(record);
  next(Read{}, std::min(now + options_.duration / kLooksPerLease, seen_at_ + watch_time()));
}

void Lease::write_answer(bool won, BootTime now) {
  if (final()) return;
  if (!won) return next(Read{}, now);  // who was it?
  const auto& written = std::get<Write>(*request_).next;
  state_ = State::kHeld;
  mine_ = written;
  lasts_until_ = sent_at_ + options_.duration;
  LeaseRecord renewed = mine_;
  ++renewed.renewal;
  next(Write{mine_, renewed}, sent_at_ + options_.duration / kRenewalsPerLease);
}

void Lease::no_answer(BootTime now) {
  if (final()) return;
  const auto retry = std::clamp(
      std::chrono::duration_cast<std::chrono::milliseconds>(options_.duration / kLooksPerLease), kRetryMin, kRetryMax);
  next(Read{}, now + retry);
}

bool Lease::may_write(BootTime now) const { return state_ == State::kHeld && now + options_.timeout <= lasts_until_; }

std::optional<Lease::Write> Lease::give_up() const {
  if (state_ != State::kHeld) return std::nullopt;
  LeaseRecord free = mine_;
  free.holder = {};
  ++free.renewal;
  return Write{mine_, free};
}

}  // namespace dualsync
