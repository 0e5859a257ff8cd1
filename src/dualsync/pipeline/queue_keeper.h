// QueueKeeper: brings the queue back after its disk failed, and lets the other threads outlast that.
//
// Rule     while the queue takes nothing, nothing is read from local: its oplog still holds the changes. When the disk
//          takes writes again, the queue goes on with what is on it, and capture from the position that is on it
// Threads  tend() is called by one thread, now and then; outlast() by any
#pragma once

#include <stop_token>

#include "dualsync/base/backoff.h"
#include "dualsync/base/clock.h"
#include "dualsync/base/result.h"
#include "dualsync/queue/sync_queue.h"

namespace dualsync {

class QueueKeeper {
 public:
  QueueKeeper(SyncQueue& queue, const Clock& clock);

  // Tries to recover the queue if it is in trouble and it is time for another try; does not wait.
  void tend();

 private:
  SyncQueue& queue_;
  const Clock& clock_;
  Backoff backoff_;
  SteadyTime next_try_;
  SteadyTime since_;
  bool failing_ = false;
};

// For a thread whose step ended with `error`: success, once the queue can be used again or `stop` is requested, if the
// disk was the cause; else the error, which ends the thread.
Result<void> outlast(const Error& error, const SyncQueue& queue, const std::stop_token& stop);

}  // namespace dualsync
