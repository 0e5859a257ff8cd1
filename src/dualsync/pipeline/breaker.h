// CircuitBreaker: whether the backup is asked at all.
//
// Shape    closed -> open after kFailuresToOpen connectivity failures in a row -> half-open when the wait is over: one
//          lane may ping and send one small batch -> closed, or open again with a longer wait
// Order    open is a normal state; nothing is lost and no retry is used up
// Threads  any
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "dualsync/base/backoff.h"
#include "dualsync/base/clock.h"
#include "dualsync/base/mutex.h"
#include "dualsync/model/status.h"

namespace dualsync {

class CircuitBreaker {
 public:
  static constexpr int kFailuresToOpen = 5;

  CircuitBreaker(const Clock& clock, std::uint64_t seed) : clock_(clock), backoff_(seed) {}

  enum class Permit : std::uint8_t {
    kGo,
    kProbe,  // half-open, and the caller is the one to try; it must report success() or failure()
    kStop,   // asked to stop
  };
  // Waits while open.
  Permit acquire(std::stop_token stop);
  // Does not wait: nothing while the backup is not to be asked.
  std::optional<Permit> try_acquire();
  // True while closed; for work that can be put off.
  bool closed() const;
  // True if nothing has failed since the last success; for a last word that is not worth a time-out.
  bool trouble_free() const;

  void success();
  // `now`: open at once (quota, rights): the whole backup is concerned.
  void failure(const std::string& cause, bool now = false);
  // Open because the backup is full: deletes are tried first, since they may make room.
  void full(const std::string& cause);
  bool is_full() const;
  // A probe of deletes went through, or was another lane's to make: still open, and the next one may go at once.
  void probe_again();

  struct View {
    BreakerState state = BreakerState::kClosed;
    std::int64_t seconds = 0;  // since it left closed
    std::string cause;
  };
  View view() const;

 private:
  std::optional<Permit> permit_now() DUALSYNC_REQUIRES(mutex_);

  const Clock& clock_;
  mutable Mutex mutex_;
  CondVar changed_;
  BreakerState state_ DUALSYNC_GUARDED_BY(mutex_) = BreakerState::kClosed;
  Backoff backoff_ DUALSYNC_GUARDED_BY(mutex_);
  int failures_ DUALSYNC_GUARDED_BY(mutex_) = 0;
  SteadyTime opened_ DUALSYNC_GUARDED_BY(mutex_);
  SteadyTime probe_at_ DUALSYNC_GUARDED_BY(mutex_);
  std::string cause_ DUALSYNC_GUARDED_BY(mutex_);
  bool full_ DUALSYNC_GUARDED_BY(mutex_) = false;
};

}  // namespace dualsync
