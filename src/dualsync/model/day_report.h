// The last day of a mirror, in numbers.
//
// Units    bytes, seconds; times are Unix time in milliseconds
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dualsync/model/status.h"

namespace dualsync {

// One minute of it; counts are of that minute.
struct MinuteSample {
  std::int64_t until_ms = 0;
  std::int64_t started_ms = 0;             // of the process
  std::array<std::uint32_t, 3> seconds{};  // at each Verdict
  std::uint64_t captured = 0;
  std::uint64_t synced = 0;
  std::uint64_t refused = 0;
  std::uint64_t coalesced = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t gaps = 0;
  std::uint64_t dead_letters = 0;  // new ones
  std::uint64_t bytes_sent = 0;
  double rpo_seconds = 0;            // the worst
  std::vector<std::string> reasons;  // codes, each once

  bool operator==(const MinuteSample&) const = default;
};

struct DayReport {
  std::int64_t from_ms = 0;  // of the oldest sample; 0: there is none yet
  std::int64_t until_ms = 0;
  std::array<std::uint64_t, 3> seconds{};  // at each Verdict
  std::uint64_t silent_seconds = 0;        // no daemon ran
  std::uint64_t starts = 0;                // of the daemon within it
  std::uint64_t captured = 0;
  std::uint64_t synced = 0;
  std::uint64_t refused = 0;
  std::uint64_t coalesced = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t gaps = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t bytes_sent = 0;
  double worst_rpo_seconds = 0;
  std::int64_t worst_rpo_ms = 0;                 // when
  std::map<std::string, std::uint64_t> reasons;  // code -> minutes
  std::vector<std::string> words;                // sentences that say the same
};

}  // namespace dualsync
