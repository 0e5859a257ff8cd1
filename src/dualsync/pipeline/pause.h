// Pause: a person asked that nothing be applied to the backup for now. Capture, the lease and comparisons go on.
//
// Rule     kept in the queue's state: a restart does not end it
// Rule     what is on its way when it begins is finished; nothing new is sent once begin() has returned for longer
//          than one command takes
// Threads  any
#pragma once

#include <atomic>
#include <optional>

#include "dualsync/base/clock.h"
#include "dualsync/queue/sync_queue.h"

namespace dualsync {

inline constexpr std::string_view kStatePaused = "paused";  // Unix time in ms since when

class Pause {
 public:
  Pause(SyncQueue& queue, const Clock& clock) : queue_(queue), clock_(clock) {}

  Result<void> load();  // at the start
  // True if that is a change. kIo and the like: it could not be kept, and nothing changed.
  Result<bool> begin();
  Result<bool> end();

  bool active() const { return since_ms_.load(std::memory_order_relaxed) != 0; }
  std::optional<std::int64_t> since_ms() const;  // Unix time; none: it is not paused

 private:
  SyncQueue& queue_;
  const Clock& clock_;
  std::atomic<std::int64_t> since_ms_{0};  // 0: not paused
};

}  // namespace dualsync
