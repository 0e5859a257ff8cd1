// Control: what the API may ask of the running mirror.
//
// Threads  any number of callers at once
#pragma once

#include <chrono>

#include "dualsync/base/result.h"
#include "dualsync/model/status.h"

namespace dualsync {

class Control {
 public:
  virtual ~Control() = default;

  virtual Status status() const = 0;

  // Blocks until every local write made before the call is on the backup and that fact is on disk, or `timeout` ends,
  // or the daemon stops (kStopped). kConnectivity: local's time could not be asked. kUnsupported: the mirror is off.
  virtual Result<WaitOutcome> wait(std::chrono::milliseconds timeout) = 0;
};

}  // namespace dualsync
