// StopMark: tells after a restart that the application ended before all of its changes were in the queue.
//
// Rule     the mark stands from before the first write until everything is told; whoever finds it at the start does not
//          know what is missing, and has everything compared
// Threads  one caller at a time
// Errors   of the queue
#pragma once

#include <string_view>

#include "dualsync/queue/sync_queue.h"

namespace dualsync {

inline constexpr std::string_view kStateMiddlewareRuns = "middleware-runs";

class StopMark {
 public:
  explicit StopMark(SyncQueue& queue) : queue_(queue) {}

  // True: the last run left it standing. On disk when it returns.
  Result<bool> set();
  Result<void> clear();

 private:
  SyncQueue& queue_;
};

}  // namespace dualsync
