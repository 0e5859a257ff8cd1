// Hold: keeps a namespace's operations from the lanes as long as it lives.
//
// Threads  one owner
#pragma once

#include <utility>

#include "dualsync/queue/sync_queue.h"

namespace dualsync {

class Hold {
 public:
  Hold(SyncQueue& queue, Namespace ns) : queue_(queue), ns_(std::move(ns)) { queue_.hold(ns_); }
  ~Hold() { queue_.release(ns_); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

 private:
  SyncQueue& queue_;
  const Namespace ns_;
};

}  // namespace dualsync
