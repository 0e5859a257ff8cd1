#include "dualsync/mongo/privileges.h"

#include <algorithm>

#include "dualsync/codec/bson.h"

namespace dualsync {

Privileges Privileges::read(const bson_t& reply) {
  Privileges read;
  bson_iter_t iter;
  bson_iter_t users;
  bson_iter_t each;
  if (bson_iter_init(&iter, &reply) && bson_iter_find_descendant(&iter, "authInfo.authenticatedUsers.0.user", &users))
    read.user_ = std::string(iter_string(users).value_or(std::string_view()));
  if (read.user_.empty()) return read;
  if (!bson_iter_init(&iter, &reply) ||
      !bson_iter_find_descendant(&iter, "authInfo.authenticatedUserPrivileges", &users) ||
      !bson_iter_recurse(&users, &each)) {
    return read;
  }
  while (bson_iter_next(&each)) {
    One one;
    const std::string_view privilege = iter_document(each).value_or(std::string_view());
    bson_iter_t field;
    bson_iter_t part;
    if (find_field(privilege, "resource", &field) && bson_iter_recurse(&field, &part)) {
      bool has_db = false;
      bool has_collection = false;
      while (bson_iter_next(&part)) {
        const std::string_view name = bson_iter_key(&part);
        if (name == "cluster") one.cluster = bson_iter_as_bool(&part);
        if (name == "anyResource") one.any = bson_iter_as_bool(&part);
        if (name == "db") {
          has_db = true;
          one.db = std::string(iter_string(part).value_or(std::string_view()));
        }
        if (name == "collection") {
          has_collection = true;
          one.collection = std::string(iter_string(part).value_or(std::string_view()));
        }
      }
      one.every_database = has_db && one.db.empty();
      one.whole_database = has_collection && one.collection.empty();
    }
    if (find_field(privilege, "actions", &field) && bson_iter_recurse(&field, &part)) {
      while (bson_iter_next(&part)) one.actions.emplace(iter_string(part).value_or(std::string_view()));
    }
    read.all_.push_back(std::move(one));
  }
  // Roles without a single privilege: this server does not say what they allow.
  bson_iter_t role;
  const bool has_roles =
      bson_iter_init(&iter, &reply) && bson_iter_find_descendant(&iter, "authInfo.authenticatedUserRoles.0", &role);
  read.known_ = !read.all_.empty() || !has_roles;
  return read;
}

bool Privileges::allows(std::string_view db, std::string_view action) const {
  return !known_ || std::any_of(all_.begin(), all_.end(), [&](const One& one) {
    const bool covers = one.any || (one.whole_database && (one.every_database || one.db == db));
    return covers && one.actions.contains(action);
  });
}

bool Privileges::allows_on_cluster(std::string_view action) const {
  return !known_ || std::any_of(all_.begin(), all_.end(), [&](const One& one) {
    return (one.any || one.cluster) && one.actions.contains(action);
  });
}

bool Privileges::allows_everywhere(std::string_view action) const {
  return !known_ || std::any_of(all_.begin(), all_.end(), [&](const One& one) {
    return (one.any || (one.whole_database && one.every_database)) && one.actions.contains(action);
  });
}

}  // namespace dualsync
