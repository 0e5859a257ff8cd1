// Comparing and repairing by the clock, where local has no change stream.
#pragma once

#include <cstdint>
#include <optional>

namespace dualsync {

struct ReconcileStatus {
  bool on = false;
  bool running = false;
  std::int64_t interval_seconds = 0;
  std::optional<std::int64_t> last_ms;  // Unix time at which the last one ended
  std::uint64_t repaired = 0;           // documents that it found different, and sent again
};

}  // namespace dualsync
