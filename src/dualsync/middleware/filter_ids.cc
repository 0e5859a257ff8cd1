#include "dualsync/middleware/filter_ids.h"

#include "dualsync/middleware/command_fields.h"

namespace dualsync {
namespace {

using Keys = std::vector<std::string>;

// Whether equality with it is with one value only.
bool is_exact(const bson_iter_t& value, bool collation) {
  switch (bson_iter_type(&value)) {
    case BSON_TYPE_REGEX:
    case BSON_TYPE_ARRAY:
    case BSON_TYPE_UNDEFINED: return false;
    case BSON_TYPE_UTF8:
    case BSON_TYPE_SYMBOL:
    case BSON_TYPE_DOCUMENT: return !collation;
    default: return true;
  }
}

std::optional<Keys> keys_of_list(const bson_iter_t& list, bool collation) {
  bson_iter_t one;
  if (!BSON_ITER_HOLDS_ARRAY(&list) || !bson_iter_recurse(&list, &one)) return std::nullopt;
  Keys keys;
  while (bson_iter_next(&one)) {
    if (!is_exact(one, collation)) return std::nullopt;
    keys.push_back(id_key(one));
  }
  return keys;
}

// `value` is what the filter asks of `_id`. Of several conditions each bounds the whole.
std::optional<Keys> keys_of_condition(const bson_iter_t& value, bool collation) {
  bson_iter_t condition;
  if (!BSON_ITER_HOLDS_DOCUMENT(&value) || !bson_iter_recurse(&value, &condition) || !bson_iter_next(&condition) ||
      *bson_iter_key(&condition) != '$') {
    if (!is_exact(value, collation)) return std::nullopt;
    return Keys{id_key(value)};
  }
  do {
    const std::string_view name = bson_iter_key(&condition);
    if (name == "$eq" && is_exact(condition, collation)) return Keys{id_key(condition)};
    if (name != "$in") continue;
    if (auto keys = keys_of_list(condition, collation)) return keys;
  } while (bson_iter_next(&condition));
  return std::nullopt;
}

}  // namespace

std::optional<Keys> ids_of_filter(std::string_view filter, bool collation) {
  bson_iter_t field;
  if (find_field(filter, "_id", &field)) {
    if (auto keys = keys_of_condition(field, collation)) return keys;
  }
  std::optional<Keys> found;
  for_each_document(filter, "$and", [&](std::string_view part) {
    bson_iter_t id;
    if (!found && find_field(part, "_id", &id)) found = keys_of_condition(id, collation);
  });
  return found;
}

}  // namespace dualsync
