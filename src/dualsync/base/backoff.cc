#include "dualsync/base/backoff.h"

#include <algorithm>
#include <array>

namespace dualsync {
namespace {

constexpr std::array<int, 5> kDelaysSeconds = {1, 5, 15, 30, 60};

}  // namespace

std::chrono::milliseconds Backoff::base_delay(std::uint32_t attempt) {
  const std::size_t index = attempt == 0 ? 0 : std::min<std::size_t>(attempt, kDelaysSeconds.size()) - 1;
  return std::chrono::seconds(kDelaysSeconds.at(index));
}

std::chrono::milliseconds Backoff::delay_for(std::uint32_t attempt) {
  const double factor = std::uniform_real_distribution<double>(0.9, 1.1)(random_);
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(static_cast<double>(base_delay(attempt).count()) * factor));
}

std::chrono::milliseconds Backoff::next() { return delay_for(++attempt_); }

}  // namespace dualsync
