// Times and amounts as people and JSON read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dualsync {

std::string iso8601(std::int64_t unix_ms);  // 2026-11-22T18:30:00.123Z
// The same form back, with or without milliseconds; nothing for any other text.
std::optional<std::int64_t> parse_iso8601(std::string_view text);
std::string human_duration(std::int64_t seconds);               // 3 h 12 min, 45 s
std::string human_bytes(std::uint64_t bytes);                   // 61.3 MiB
std::string human_count(std::uint64_t count);                   // 48 211 -> 48,211
std::string plural(std::uint64_t count, std::string_view one);  // 1 operation, 2,000 operations

}  // namespace dualsync
