// Verdict and reasons, derived from progress, never from "the thread runs".
#pragma once

#include "dualsync/model/status.h"

namespace dualsync {

struct HealthInput {
  std::int64_t now_ms = 0;                  // Unix time
  std::int64_t capture_silent_seconds = 0;  // since the stream last answered
  std::int64_t growing_seconds = 0;         // for so long the queue has kept growing; 0: it does not
  std::string queue_trouble;                // why the queue cannot be written at the moment; empty: it can
  std::string drill_failure;                // what the last scheduled drill found wrong; empty: nothing
  std::string verify_findings;              // what is known to differ from local; empty: nothing
  std::string failure;                      // why the mirror has ended; empty: it has not
};

// Fills in status->verdict and status->reasons from the rest of it.
void derive_health(const HealthInput& input, Status* status);

}  // namespace dualsync
