// What is known of the canary: a document of ours that is written to local and must arrive on the backup.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dualsync {

struct CanaryStatus {
  enum class State : std::uint8_t {
    kOff,      // SYNC_CANARY_INTERVAL=0, or nothing that would send it
    kRefused,  // our user may not write it to local
    kArrived,  // the last one came through, or none was sent yet
    kWaiting,  // the last one is on its way
    kMissing,  // the backup acknowledged the last one and does not have it
  };
  State state = State::kOff;
  std::string cause;                            // of kRefused
  std::optional<std::int64_t> last_arrival_ms;  // Unix time
  std::int64_t round_trip_ms = 0;               // of the last that arrived: from local's answer to the backup's
  std::int64_t waiting_seconds = 0;             // of the one on its way
  std::int64_t idle_seconds = 0;                // of these, since the backup last acknowledged anything
  std::int64_t late_seconds = 0;                // from so many on, one is late
};

constexpr std::string_view to_string(CanaryStatus::State state) {
  switch (state) {
    case CanaryStatus::State::kOff: return "off";
    case CanaryStatus::State::kRefused: return "refused";
    case CanaryStatus::State::kArrived: return "arrived";
    case CanaryStatus::State::kWaiting: return "waiting";
    case CanaryStatus::State::kMissing: return "missing";
  }
  return "unknown";
}

}  // namespace dualsync
