#include "dualsync/api/thread_pool.h"

#include <utility>

namespace dualsync {

void GrowingPool::enqueue(std::function<void()> task) {
  const MutexLock lock(mutex_);
  while (tasks_.size() >= queued_max_ && !ending_) taken_.wait(mutex_);
  tasks_.push_back(std::move(task));
  // One that is idle may be on its way to an earlier task.
  if (idle_ < tasks_.size() && threads_.size() < max_) threads_.emplace_back([this] { work(); });
  changed_.notify_one();
}

void GrowingPool::work() {
  for (;;) {
    std::function<void()> task;
    {
      const MutexLock lock(mutex_);
      ++idle_;
      while (tasks_.empty() && !ending_) changed_.wait(mutex_);
      --idle_;
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
      taken_.notify_one();
    }
    task();
  }
}

void GrowingPool::shutdown() {
  std::vector<std::jthread> threads;
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    threads.swap(threads_);
    changed_.notify_all();
    taken_.notify_all();
  }
  for (std::jthread& thread : threads) thread.join();
}

}  // namespace dualsync
