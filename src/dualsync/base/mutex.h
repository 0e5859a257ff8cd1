// Mutex and MutexLock: std::mutex with the annotations that let clang check which lock guards which field
// (libstdc++'s own types carry none). Compile with -Wthread-safety (preset `tidy`) to have it checked.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define DUALSYNC_TSA(x) __attribute__((x))
#else
#define DUALSYNC_TSA(x)
#endif

#define DUALSYNC_GUARDED_BY(m) DUALSYNC_TSA(guarded_by(m))
#define DUALSYNC_REQUIRES(...) DUALSYNC_TSA(requires_capability(__VA_ARGS__))
#define DUALSYNC_EXCLUDES(...) DUALSYNC_TSA(locks_excluded(__VA_ARGS__))

namespace dualsync {

class DUALSYNC_TSA(capability("mutex")) Mutex {
 public:
  void lock() DUALSYNC_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() DUALSYNC_TSA(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class DUALSYNC_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) DUALSYNC_TSA(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() DUALSYNC_TSA(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits on a Mutex; every wait takes a stop_token somewhere above it, so that no thread waits for ever.
using CondVar = std::condition_variable_any;

}  // namespace dualsync
