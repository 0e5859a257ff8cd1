// The databases of local that are mirrored. Where the scope is one database nobody is asked: to list databases can be a
// right that a user of one database does not have.
#pragma once

#include <string>
#include <vector>

#include "dualsync/model/scope.h"
#include "dualsync/ports/document_store.h"

namespace dualsync {

inline Result<std::vector<std::string>> mirrored_databases(DocumentReader& local, const Scope& scope) {
  if (const std::string& single = scope.single_database(); !single.empty()) return std::vector<std::string>{single};
  auto all = local.list_databases();
  if (all) std::erase_if(*all, [&](const std::string& db) { return !scope.contains_database(db); });
  return all;
}

}  // namespace dualsync
