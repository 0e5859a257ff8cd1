#include "dualsync/model/scope.h"

#include <algorithm>

#include "dualsync/model/drill_name.h"

namespace dualsync {
namespace {

bool is_internal_database(std::string_view db) {
  return db == "admin" || db == "local" || db == "config" || db == kMetadataDatabase || is_drill_database(db);
}

// $out and mapReduce fill one of these and rename it over their target; the rename makes the target dirty.
bool is_temporary_collection(std::string_view collection) {
  return collection.starts_with("tmp.agg_out.") || collection.starts_with("tmp.mr.");
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      star_text = t;
    } else if (g < glob.size() && glob[g] == text[t]) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

bool Scope::contains_database(std::string_view db) const {
  if (is_internal_database(db)) return false;
  return options_.local_db.empty() ? !collides(db) : options_.local_db == db;
}

bool Scope::collides(std::string_view db) const {
  if (!options_.local_db.empty() || is_internal_database(db)) return false;
  const auto& map = options_.database_map;
  if (map.contains(std::string(db))) return false;
  return std::any_of(map.begin(), map.end(), [&](const auto& entry) { return entry.second == db; });
}

bool Scope::contains(std::string_view db, std::string_view collection) const {
  if (!contains_database(db)) return false;
  if (collection.empty()) return true;
  if (collection.starts_with("system.") || collection == kMetadataCollection) return false;
  if (is_temporary_collection(collection)) return false;
  if (any_glob_matches(options_.excluded, db, collection)) return false;
  return options_.included.empty() || any_glob_matches(options_.included, db, collection);
}

bool any_glob_matches(const std::vector<std::string>& patterns, std::string_view db, std::string_view collection) {
  const std::string full = std::string(db) + "." + std::string(collection);
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return glob_matches(pattern, collection) || (pattern.find('.') != std::string::npos && glob_matches(pattern, full));
  });
}

std::string Scope::backup_database(std::string_view local_db) const {
  if (local_db == kMetadataDatabase) return std::string(local_db);
  if (const auto found = options_.database_map.find(std::string(local_db)); found != options_.database_map.end()) {
    return found->second;
  }
  if (!options_.backup_db.empty() && options_.local_db == local_db) return options_.backup_db;
  return std::string(local_db);
}

std::string Scope::local_database(std::string_view backup_db) const {
  for (const auto& [local, backup] : options_.database_map) {
    if (backup == backup_db) return local;
  }
  if (!options_.local_db.empty() && backup_database(options_.local_db) == backup_db) return options_.local_db;
  return std::string(backup_db);
}

}  // namespace dualsync
