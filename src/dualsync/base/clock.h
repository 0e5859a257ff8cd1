// Clock: the only source of time, so that tests can move it.
#pragma once

#include <chrono>
#include <cstdint>

namespace dualsync {

using SteadyTime = std::chrono::steady_clock::time_point;

// Time since the machine started, suspend included: SteadyTime stands still while a laptop sleeps, this does not. A
// type of its own, so that the two are never mixed.
struct BootClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};
using BootTime = BootClock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime now() const = 0;        // for durations; never jumps
  virtual std::int64_t unix_ms() const = 0;  // for people and for age against cluster times
  // For agreements with other machines, which go on while this one sleeps.
  virtual BootTime since_boot() const { return BootTime(now().time_since_epoch()); }
};

// The machine's own clocks. Thread-safe.
const Clock& system_clock();

}  // namespace dualsync
