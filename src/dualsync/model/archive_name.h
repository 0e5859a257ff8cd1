// Names of dropped collections that the backup keeps: `<name>__dropped_<UTC time>`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dualsync {

// Bytes that a namespace may have on every tier: shared tiers of Atlas allow 95 (others 255).
// https://www.mongodb.com/docs/atlas/reference/free-shared-limitations/
inline constexpr std::size_t kNamespaceBytesMax = 95;

// The name of `collection`, dropped at `unix_seconds`; `serial` tells apart drops within one second. The original name
// is shortened where the whole would not fit beside `database`.
std::string archive_name(std::string_view database, std::string_view collection, std::int64_t unix_seconds,
                         std::uint32_t serial);

bool is_archive_name(std::string_view collection);

}  // namespace dualsync
