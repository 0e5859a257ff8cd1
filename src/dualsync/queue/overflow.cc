#include "dualsync/queue/overflow.h"

#include <sys/statvfs.h>

namespace dualsync {
namespace {

std::uint64_t low_mark(std::uint64_t bound) { return bound - bound / 10; }
std::uint64_t high_mark(std::uint64_t bound) { return bound + bound / 10; }

}  // namespace

OverflowPolicy::Step OverflowPolicy::decide(std::uint64_t bytes, std::optional<std::uint64_t> free, bool payloads_left,
                                            SteadyTime now) {
  const bool bytes_bounded = bounds_.bytes_max > 0;
  const bool disk_bounded = bounds_.disk_reserve > 0 && free.has_value();
  const bool bytes_over = bytes_bounded && bytes > (active_ ? low_mark(bounds_.bytes_max) : bounds_.bytes_max);
  disk_low_ = disk_bounded && *free < (disk_low_ ? high_mark(bounds_.disk_reserve) : bounds_.disk_reserve);
  active_ = bytes_over || disk_low_;
  if (!active_) return Step::kNone;
  if (payloads_left) return Step::kPayloads;
  return bytes_over || now >= wait_for_disk_ ? Step::kRange : Step::kNone;
}

std::uint64_t OverflowPolicy::excess(std::uint64_t bytes) const {
  if (disk_low_) return bytes;
  const std::uint64_t target = low_mark(bounds_.bytes_max);
  return bytes > target ? bytes - target : 0;
}

std::optional<std::uint64_t> disk_free_bytes(const std::string& directory) {
  struct statvfs facts {};
  if (::statvfs(directory.c_str(), &facts) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize;
}

}  // namespace dualsync
