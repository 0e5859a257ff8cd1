// RateLimiter: keeps what we send to the backup under SYNC_MAX_OPS_PER_SECOND and SYNC_MAX_BYTES_PER_SECOND.
//
// Shape    one bucket for each limit, of one second's worth. What was sent is paid for afterwards, so that a single
// large
//          document gets through: the bucket may be overdrawn, and nobody sends until it has filled up again
// Units    operations, and bytes of commands before compression; 0: no limit
// Threads  any
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>

#include "dualsync/base/clock.h"
#include "dualsync/base/mutex.h"

namespace dualsync {

class RateLimiter {
 public:
  RateLimiter(const Clock& clock, std::uint64_t operations_per_second, std::uint64_t bytes_per_second);

  // Until sending is allowed, or stopped.
  void wait(const std::stop_token& stop) DUALSYNC_EXCLUDES(mutex_);
  // How long until sending is allowed; 0: now.
  std::chrono::milliseconds delay() DUALSYNC_EXCLUDES(mutex_);
  void spend(std::uint64_t operations, std::uint64_t bytes) DUALSYNC_EXCLUDES(mutex_);
  // Others from now on; what was overdrawn of the old ones is forgotten.
  void set_limits(std::uint64_t operations_per_second, std::uint64_t bytes_per_second) DUALSYNC_EXCLUDES(mutex_);

  // The most that one batch should hold, so that it overdraws by a second at most.
  std::size_t operations_max(std::size_t wanted) const DUALSYNC_EXCLUDES(mutex_);
  std::size_t bytes_max(std::size_t wanted) const DUALSYNC_EXCLUDES(mutex_);

 private:
  struct Bucket {
    double per_second = 0;
    double left = 0;
  };

  void refill() DUALSYNC_REQUIRES(mutex_);

  const Clock& clock_;
  mutable Mutex mutex_;
  SteadyTime filled_ DUALSYNC_GUARDED_BY(mutex_);
  Bucket operations_ DUALSYNC_GUARDED_BY(mutex_);
  Bucket bytes_ DUALSYNC_GUARDED_BY(mutex_);
  std::uint64_t operations_per_second_ DUALSYNC_GUARDED_BY(mutex_);
  std::uint64_t bytes_per_second_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
