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
  explicit GrowingPool(std::size_t max) : max_(max) {}

  void enqueue(std::function<void()> task) override DUALSYNC_EXCLUDES(mutex_);
  // Returns when every task that was given is done.
  void shutdown() override DUALSYNC_EXCLUDES(mutex_);

 private:
  void work() DUALSYNC_EXCLUDES(mutex_);

  const std::size_t max_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> tasks_ DUALSYNC_GUARDED_BY(mutex_);
  std::vector<std::jthread> threads_ DUALSYNC_GUARDED_BY(mutex_);
  std::size_t idle_ DUALSYNC_GUARDED_BY(mutex_) = 0;
  bool ending_ DUALSYNC_GUARDED_BY(mutex_) = false;
};

}  // namespace dualsync
