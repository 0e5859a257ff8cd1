// Names of the databases that a drill restores into, and drops again: `__dualsync_drill_<owner>_<number>`.
//
// Rule     such a database is never mirrored, compared or restored, whoever made it
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dualsync {

inline constexpr std::string_view kDrillPrefix = "__dualsync_drill_";
// Who made a scratch database: one data directory, in hexadecimal digits.
inline constexpr std::size_t kDrillOwnerLength = 8;
inline constexpr std::size_t kDrillDatabasesMax = 100'000;
// Shared tiers of Atlas allow 38 bytes, others 63.
// https://www.mongodb.com/docs/atlas/reference/free-shared-limitations/
inline constexpr std::size_t kDatabaseNameBytesMax = 38;
static_assert(kDrillPrefix.size() + kDrillOwnerLength + 1 + 5 <= kDatabaseNameBytesMax);

// `number` is below kDrillDatabasesMax.
std::string drill_database(std::string_view owner, std::size_t number);
bool is_drill_database(std::string_view database);  // of any owner
bool is_drill_database_of(std::string_view owner, std::string_view database);
bool is_drill_owner(std::string_view text);

// `collection` as it is called in the scratch database: its own name, unless the whole would be longer than a namespace
// may be and longer than it is on the backup; then one made of `serial`.
std::string drill_collection(std::string_view scratch_database, std::string_view database, std::string_view collection,
                             std::size_t serial);

}  // namespace dualsync
