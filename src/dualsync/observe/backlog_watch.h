// BacklogWatch: whether the queue keeps growing, which no single look at it can tell.
//
// Rule     growing: its smallest size of each slice of time is larger than that of the slice before, for kSlices of
// them.
//          What comes in bursts and is worked off in between does not count
// Threads  one owner
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "dualsync/base/clock.h"

namespace dualsync {

class BacklogWatch {
 public:
  static constexpr int kSlices = 6;
  static constexpr std::chrono::seconds kSlice{20};
  static constexpr std::uint64_t kFew = 1000;  // a queue below this is no backlog

  void look(std::uint64_t operations, SteadyTime now) {
    if (begun_ == SteadyTime()) begun_ = now;
    smallest_ = std::min(smallest_, operations);
    if (now - begun_ < kSlice) return;
    rising_ = smallest_ > before_ ? rising_ + 1 : 0;
    before_ = smallest_;
    smallest_ = operations;
    begun_ = now;
  }

  // Since when, if it is growing; 0: it is not.
  std::chrono::seconds growing() const {
    return rising_ >= kSlices && before_ >= kFew ? kSlice * rising_ : std::chrono::seconds(0);
  }

 private:
  SteadyTime begun_;
  std::uint64_t smallest_ = UINT64_MAX;  // of this slice
  std::uint64_t before_ = UINT64_MAX;    // of the slice before
  int rising_ = 0;
};

}  // namespace dualsync
