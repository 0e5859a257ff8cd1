// Clock: the only source of time, so that tests can move it.
#pragma once

#include <chrono>
#include <cstdint>

namespace dualsync {

using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime now() const = 0;        // for durations; never jumps
  virtual std::int64_t unix_ms() const = 0;  // for people and for age against cluster times
};

// The machine's own clocks. Thread-safe.
const Clock& system_clock();

}  // namespace dualsync
