// Who writes to a namespace of the backup: many lanes at a time, or one alone.
//
// Why      documents that stand in each other's way are settled in a transaction; other lanes that write the same
//          documents meanwhile only make it fail
// Safe     it is an optimisation: nothing becomes wrong when somebody who wants to be alone is not
// Order    whoever waits to be alone goes before those who come later, so that he is not kept waiting for ever
// Threads  any
#pragma once

#include <chrono>
#include <map>

#include "dualsync/base/mutex.h"
#include "dualsync/model/namespace.h"

namespace dualsync {

class NamespaceGate {
 public:
  class Pass {
   public:
    Pass(NamespaceGate& gate, const Namespace& ns, bool alone) : gate_(gate), ns_(ns), alone_(alone) {}
    ~Pass() { gate_.leave(ns_, alone_); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    NamespaceGate& gate_;
    const Namespace ns_;
    const bool alone_;
  };

  // Waits until nobody is alone.
  Pass enter(const Namespace& ns) DUALSYNC_EXCLUDES(mutex_);
  // Waits until the others have left, `patience` at most: one of them may hang on a dead link.
  Pass enter_alone(const Namespace& ns, std::chrono::milliseconds patience) DUALSYNC_EXCLUDES(mutex_);

 private:
  struct Users {
    int together = 0;
    int alone = 0;  // waiting or in; one of them in at a time
    bool alone_in = false;
    bool none() const { return together == 0 && alone == 0; }
  };
  void leave(const Namespace& ns, bool alone) DUALSYNC_EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar left_;
  std::map<Namespace, Users> users_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
