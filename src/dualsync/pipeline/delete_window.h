// DeleteWindow: by how much one collection has shrunk within the last five minutes of cluster time.
//
// Counts   deletes less inserts, from the moment in the window after which that is most: what was inserted before the
//          deletes does not make up for them, what comes after does, and a collection in which documents come and go
//          shrinks by little
// Memory   one entry a second that anything happened in
// Threads  none of its own
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>

namespace dualsync {

class DeleteWindow {
 public:
  static constexpr std::uint32_t kSeconds = 300;

  // `second` of cluster time; those of the past count for the newest.
  void add_deletes(std::uint32_t second, std::int64_t count) {
    Second& in = at(second);
    in.net += count;
    in.shrunk += count;
    shrunk_ += count;
    peak_ = std::max(peak_, shrunk_);
  }
  void add_insert(std::uint32_t second) {
    if (seconds_.empty()) return;
    Second& in = at(second);
    --in.net;
    in.shrunk = std::max<std::int64_t>(0, in.shrunk - 1);
    shrunk_ = std::max<std::int64_t>(0, shrunk_ - 1);
  }
  // The most since the last call.
  std::int64_t take_peak() { return std::exchange(peak_, shrunk_); }
  bool empty() const { return seconds_.empty(); }
  void clear() { *this = {}; }

 private:
  struct Second {
    std::uint32_t second = 0;
    std::int64_t net = 0;     // deletes less inserts
    std::int64_t shrunk = 0;  // the most of that up to its end
  };

  Second& at(std::uint32_t second) {
    if (seconds_.empty() || seconds_.back().second < second) seconds_.push_back({second, 0, 0});
    if (seconds_.front().second + kSeconds > seconds_.back().second) return seconds_.back();
    while (seconds_.front().second + kSeconds <= seconds_.back().second) seconds_.pop_front();
    shrunk_ = 0;
    for (const Second& one : seconds_) shrunk_ = std::max(one.shrunk, shrunk_ + one.net);
    peak_ = shrunk_;
    return seconds_.back();
  }

  std::deque<Second> seconds_;
  std::int64_t shrunk_ = 0;
  std::int64_t peak_ = 0;  // of shrunk_, since somebody asked
};

}  // namespace dualsync
