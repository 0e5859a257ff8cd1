// The one source of chance of a run: the same seed gives the same numbers on every machine.
#pragma once

#include <cstdint>
#include <random>

namespace dualsync::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  // 0 .. n - 1
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
  int between(int low, int high) { return low + static_cast<int>(below(static_cast<std::size_t>(high - low + 1))); }
  bool chance(int percent) { return percent > 0 && below(100) < static_cast<std::size_t>(percent); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace dualsync::sim
