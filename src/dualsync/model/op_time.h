// OpTime: a cluster time of the local replica set: seconds since 1970 and a counter within the second.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace dualsync {

struct OpTime {
  std::uint32_t t = 0;
  std::uint32_t i = 0;

  bool is_null() const { return t == 0 && i == 0; }
  std::uint64_t packed() const { return (static_cast<std::uint64_t>(t) << 32U) | i; }
  static OpTime unpack(std::uint64_t packed) {
    return {static_cast<std::uint32_t>(packed >> 32U), static_cast<std::uint32_t>(packed & 0xffffffffU)};
  }
  // The newest time before this one; null stays null.
  OpTime previous() const { return is_null() ? OpTime{} : unpack(packed() - 1); }
  std::string to_string() const { return std::to_string(t) + ":" + std::to_string(i); }
  auto operator<=>(const OpTime&) const = default;
};

}  // namespace dualsync
