// The threads of the API server: started as they are needed, at most `max`, kept until the server stops.
//
// Threads  any; shutdown() once, by the server
#pragma once

#include <httplib.h>

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "dualsync/base/mutex.h"

namespace dualsync {

class GrowingPool final : public httplib::TaskQueue {
 public:
  GrowingPool(std::size_t max, std::size_t queued_max) : max_(max), queued_max_(queued_max) {}

  // Waits while as many tasks wait as may: the caller accepts connections, and each is a file descriptor.
  void enqueue(std::function<void()> task) override DUALSYNC_EXCLUDES(mutex_);
  // Returns when every task that was given is done.
  void shutdown() override DUALSYNC_EXCLUDES(mutex_);

 private:
  void work() DUALSYNC_EXCLUDES(mutex_);

  const std::size_t max_;
  const std::size_t queued_max_;
  Mutex mutex_;
  CondVar changed_;
  CondVar taken_;
  std::deque<std::function<void()>> tasks_ DUALSYNC_GUARDED_BY(mutex_);
  std::vector<std::jthread> threads_ DUALSYNC_GUARDED_BY(mutex_);
  std::size_t idle_ DUALSYNC_GUARDED_BY(mutex_) = 0;
  bool ending_ DUALSYNC_GUARDED_BY(mutex_) = false;
};

}  // namespace dualsync
