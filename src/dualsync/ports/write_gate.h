// WriteGate: whether the backup may be written right now. Whoever sends a write asks directly before each command, so
// that a process which slept or was stopped in between does not send what it had prepared.
//
// Threads  any
#pragma once

#include "dualsync/base/result.h"

namespace dualsync {

class WriteGate {
 public:
  virtual ~WriteGate() = default;

  // Success: a command that is sent now ends, or times out, while the backup is still ours.
  // kConnectivity: not now; what was to be sent waits.
  virtual Result<void> may_write() const = 0;
};

}  // namespace dualsync
