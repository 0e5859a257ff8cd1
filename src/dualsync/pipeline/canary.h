// Canary: proves from time to time that a write to local still reaches the backup, also while the application is idle.
//
// Order    written to local; then the applied position passes the time of that write; then, where the stream carries
//          it, it is read on the backup. The next one is written an interval after the last one, never before it came
// Rule     nothing is written to a local that is not found to be the right one
// Threads  run() is one thread's; view() any
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>

#include "dualsync/base/clock.h"
#include "dualsync/base/mutex.h"
#include "dualsync/base/result.h"
#include "dualsync/model/canary.h"
#include "dualsync/model/op_time.h"

namespace dualsync {

struct CanaryHooks {
  std::function<Result<void>()> confirm;              // local is the right one
  std::function<Result<OpTime>(std::int64_t)> write;  // to local, with this count; the time of the write
  std::function<OpTime()> applied;                    // every local write up to it is on the backup
  std::function<std::uint64_t()> acknowledged;        // operations, since the start
  // The count that the backup has; nullopt: none. Empty function: the stream does not carry the canary.
  std::function<Result<std::optional<std::int64_t>>()> read;
};

class Canary {
 public:
  // `interval`: zero is off.
  Canary(const Clock& clock, std::chrono::milliseconds interval, CanaryHooks hooks);

  void run(const std::stop_token& stop);  // until stopped, or until local refuses it
  // One look: writes if it is time, and sees whether it came. False: local refuses it.
  bool step();
  CanaryStatus view() const DUALSYNC_EXCLUDES(mutex_);

 private:
  struct Sent {
    std::int64_t count = 0;
    OpTime time;
    SteadyTime at;
  };

  bool send();
  void look();
  void arrived(CanaryStatus::State state) DUALSYNC_EXCLUDES(mutex_);

  const Clock& clock_;
  const std::chrono::milliseconds interval_;
  const CanaryHooks hooks_;
  SteadyTime next_;                 // of the running thread
  SteadyTime next_read_;            // of the running thread
  std::uint64_t acknowledged_ = 0;  // of the running thread

  mutable Mutex mutex_;
  CanaryStatus status_ DUALSYNC_GUARDED_BY(mutex_);
  std::optional<Sent> sent_ DUALSYNC_GUARDED_BY(mutex_);
  SteadyTime progress_ DUALSYNC_GUARDED_BY(mutex_);  // when the backup last acknowledged anything
};

}  // namespace dualsync
