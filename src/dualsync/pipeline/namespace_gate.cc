#include "dualsync/pipeline/namespace_gate.h"

namespace dualsync {

NamespaceGate::Pass NamespaceGate::enter(const Namespace& ns) {
  MutexLock lock(mutex_);
  while (users_[ns].alone > 0) left_.wait(mutex_);
  ++users_[ns].together;
  return {*this, ns, false};
}

NamespaceGate::Pass NamespaceGate::enter_alone(const Namespace& ns, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  MutexLock lock(mutex_);
  ++users_[ns].alone;
  while (users_[ns].alone_in) left_.wait(mutex_);
  users_[ns].alone_in = true;
  while (users_[ns].together > 0 && left_.wait_until(mutex_, until) == std::cv_status::no_timeout) continue;
  return {*this, ns, true};
}

void NamespaceGate::leave(const Namespace& ns, bool alone) {
  {
    MutexLock lock(mutex_);
    Users& users = users_[ns];
    if (alone) {
      --users.alone;
      users.alone_in = false;
    } else {
      --users.together;
    }
    if (users.none()) users_.erase(ns);
  }
  left_.notify_all();
}

}  // namespace dualsync
