#include "dualsync/pipeline/rate_limiter.h"

#include <algorithm>
#include <cmath>

#include "dualsync/base/waiting.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kLook{1000};

}  // namespace

RateLimiter::RateLimiter(const Clock& clock, std::uint64_t operations_per_second, std::uint64_t bytes_per_second)
    : clock_(clock),
      filled_(clock.now()),
      operations_{static_cast<double>(operations_per_second), static_cast<double>(operations_per_second)},
      bytes_{static_cast<double>(bytes_per_second), static_cast<double>(bytes_per_second)},
      operations_per_second_(operations_per_second),
      bytes_per_second_(bytes_per_second) {}

void RateLimiter::refill() {
  const SteadyTime now = clock_.now();
  const double seconds = std::chrono::duration<double>(now - filled_).count();
  filled_ = now;
  for (Bucket* bucket : {&operations_, &bytes_}) {
    bucket->left = std::min(bucket->per_second, bucket->left + seconds * bucket->per_second);
  }
}

std::chrono::milliseconds RateLimiter::delay() {
  const MutexLock lock(mutex_);
  refill();
  double seconds = 0;
  for (const Bucket* bucket : {&operations_, &bytes_}) {
    if (bucket->per_second > 0 && bucket->left < 0) seconds = std::max(seconds, -bucket->left / bucket->per_second);
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
}

void RateLimiter::wait(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto needed = delay();
    if (needed.count() == 0) return;
    sleep_for(std::min(needed, kLook), stop);  // the limits may change meanwhile
  }
}

void RateLimiter::spend(std::uint64_t operations, std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  refill();
  if (operations_.per_second > 0) operations_.left -= static_cast<double>(operations);
  if (bytes_.per_second > 0) bytes_.left -= static_cast<double>(bytes);
}

void RateLimiter::set_limits(std::uint64_t operations_per_second, std::uint64_t bytes_per_second) {
  const MutexLock lock(mutex_);
  filled_ = clock_.now();
  operations_per_second_ = operations_per_second;
  bytes_per_second_ = bytes_per_second;
  operations_ = {static_cast<double>(operations_per_second), static_cast<double>(operations_per_second)};
  bytes_ = {static_cast<double>(bytes_per_second), static_cast<double>(bytes_per_second)};
}

std::size_t RateLimiter::operations_max(std::size_t wanted) const {
  const MutexLock lock(mutex_);
  return operations_per_second_ == 0 ? wanted : std::min<std::size_t>(wanted, operations_per_second_);
}

std::size_t RateLimiter::bytes_max(std::size_t wanted) const {
  const MutexLock lock(mutex_);
  return bytes_per_second_ == 0 ? wanted : std::min<std::size_t>(wanted, bytes_per_second_);
}

}  // namespace dualsync
