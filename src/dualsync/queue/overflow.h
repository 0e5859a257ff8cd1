// OverflowPolicy: when the queue has to give something up, and what.
//
// Rule     over a bound, payloads go first (an operation becomes a touch: the document is read again later), oldest
//          first; when there are none left, whole namespaces go (they become dirty ranges), largest first. It ends
//          well below the bound, so that it does not begin again at once
// Units    bytes
// Threads  plain value, no I/O
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "dualsync/base/clock.h"
#include "dualsync/base/result.h"

namespace dualsync {

struct OverflowBounds {
  std::uint64_t bytes_max = 0;     // of waiting operations; 0: no bound
  std::uint64_t disk_reserve = 0;  // free on the file system; 0: no bound
};

class OverflowPolicy {
 public:
  enum class Step : std::uint8_t { kNone, kPayloads, kRange };

  explicit OverflowPolicy(OverflowBounds bounds) : bounds_(bounds) {}

  bool bounded() const { return bounds_.bytes_max > 0 || bounds_.disk_reserve > 0; }
  bool watches_disk() const { return bounds_.disk_reserve > 0; }
  bool active() const { return active_; }
  bool disk_low() const { return disk_low_; }

  // `free` is nothing where it cannot be told. `payloads_left`: not all operations have been looked at for payloads.
  Step decide(std::uint64_t bytes, std::optional<std::uint64_t> free, bool payloads_left, SteadyTime now);
  // How many bytes of operations have to go before decide() can be content.
  std::uint64_t excess(std::uint64_t bytes) const;
  // Something was dropped. The file system gets its space back only when the store has compacted: until then free space
  // alone does not cost a namespace.
  void dropped(SteadyTime now) { wait_for_disk_ = now + kDiskPause; }

  static constexpr std::chrono::seconds kDiskPause{30};

 private:
  OverflowBounds bounds_;
  bool active_ = false;
  bool disk_low_ = false;
  SteadyTime wait_for_disk_;
};

// Free bytes for this user on the file system of `directory`; nothing if it cannot be told.
std::optional<std::uint64_t> disk_free_bytes(const std::string& directory);

}  // namespace dualsync
