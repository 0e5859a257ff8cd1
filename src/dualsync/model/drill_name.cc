#include "dualsync/model/drill_name.h"

#include <algorithm>

#include "dualsync/base/check.h"
#include "dualsync/model/archive_name.h"

namespace dualsync {

bool is_drill_owner(std::string_view text) {
  return text.size() == kDrillOwnerLength && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string drill_database(std::string_view owner, std::size_t number) {
  DUALSYNC_CHECK(is_drill_owner(owner) && number < kDrillDatabasesMax);
  return std::string(kDrillPrefix) + std::string(owner) + "_" + std::to_string(number);
}

bool is_drill_database(std::string_view database) { return database.starts_with(kDrillPrefix); }

bool is_drill_database_of(std::string_view owner, std::string_view database) {
  if (!is_drill_database(database)) return false;
  const std::string_view rest = database.substr(kDrillPrefix.size());
  return is_drill_owner(owner) && rest.starts_with(owner) && rest.substr(owner.size()).starts_with('_');
}

std::string drill_collection(std::string_view scratch_database, std::string_view database, std::string_view collection,
                             std::size_t serial) {
  const std::size_t allowed = std::max(kNamespaceBytesMax, database.size() + 1 + collection.size());
  if (scratch_database.size() + 1 + collection.size() <= allowed) return std::string(collection);
  return "__long_name_" + std::to_string(serial);
}

}  // namespace dualsync
