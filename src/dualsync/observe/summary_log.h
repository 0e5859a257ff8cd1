// SummaryLog: what the mirror did since the last summary, as one line of the log.
//
// Order    once in kInterval, and only if anything was captured, sent or refused meanwhile, or still waits
// Threads  one owner
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "dualsync/model/status.h"

namespace dualsync {

struct Summary {
  std::uint64_t captured = 0;  // operations since the last one
  std::uint64_t synced = 0;
  std::uint64_t refused = 0;
  std::uint64_t merged = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t waiting = 0;  // now
  double rpo_seconds = 0;     // now

  bool operator==(const Summary&) const = default;
};

class SummaryLog {
 public:
  static constexpr std::chrono::seconds kInterval{60};

  // Called about once a second. Writes the line and gives what it says when its time has come.
  std::optional<Summary> look(const Status& status, std::int64_t now_ms);  // Unix time

 private:
  std::optional<Status> last_;
  std::int64_t last_ms_ = 0;
};

}  // namespace dualsync
