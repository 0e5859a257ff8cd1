// Backoff: the one place that knows how long to wait before another try.
//
// Shape    1, 5, 15, 30, 60 s, then 60 s for ever, each with ±10 % of jitter
// Threads  a plain value; one owner
// Source   the design's retry delays
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace dualsync {

class Backoff {
 public:
  explicit Backoff(std::uint64_t seed) : random_(seed) {}

  // The wait before try number `attempt` + 1, where the first failure is attempt 1.
  static std::chrono::milliseconds base_delay(std::uint32_t attempt);

  // base_delay of the next attempt, with jitter.
  std::chrono::milliseconds next();
  std::chrono::milliseconds delay_for(std::uint32_t attempt);
  void reset() { attempt_ = 0; }
  std::uint32_t attempts() const { return attempt_; }

 private:
  std::mt19937_64 random_;
  std::uint32_t attempt_ = 0;
};

}  // namespace dualsync
