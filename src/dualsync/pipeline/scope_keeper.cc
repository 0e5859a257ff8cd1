#include "dualsync/pipeline/scope_keeper.h"

#include <algorithm>

#include "dualsync/base/log.h"
#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

void append_string(bson_t* to, const std::string& name, const std::string& text) {
  bson_append_utf8(to, name.c_str(), static_cast<int>(name.size()), text.c_str(), static_cast<int>(text.size()));
}

void append_list(bson_t* to, const std::string& name, const std::vector<std::string>& texts) {
  bson_t array;
  bson_append_array_begin(to, name.c_str(), static_cast<int>(name.size()), &array);
  for (std::size_t i = 0; i < texts.size(); ++i) append_string(&array, std::to_string(i), texts[i]);
  bson_append_array_end(to, &array);
}

std::string text(const bson_iter_t& iter) { return std::string(iter_string(iter).value_or(std::string_view())); }

// Calls `each` for what is in an array or a document.
template <typename Each>
void for_each_in(const bson_iter_t& iter, Each each) {
  bson_iter_t inner;
  if (!bson_iter_recurse(&iter, &inner)) return;
  while (bson_iter_next(&inner)) each(inner);
}

}  // namespace

std::string encode_scope(const ScopeOptions& scope) {
  BsonDoc out;
  append_string(out.get(), "local", scope.local_db);
  append_string(out.get(), "backup", scope.backup_db);
  append_list(out.get(), "included", scope.included);
  append_list(out.get(), "excluded", scope.excluded);
  bson_t map;
  bson_append_document_begin(out.get(), "map", -1, &map);
  for (const auto& [local, backup] : scope.database_map) append_string(&map, local, backup);
  bson_append_document_end(out.get(), &map);
  return out.str();
}

std::optional<ScopeOptions> decode_scope(std::string_view bytes) {
  bson_iter_t iter;
  if (bytes.empty() || !find_field(bytes, "local", &iter) || !iterate_bson(bytes, &iter)) return std::nullopt;
  ScopeOptions scope;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "local") scope.local_db = text(iter);
    if (name == "backup") scope.backup_db = text(iter);
    if (name == "included") for_each_in(iter, [&](const bson_iter_t& one) { scope.included.push_back(text(one)); });
    if (name == "excluded") for_each_in(iter, [&](const bson_iter_t& one) { scope.excluded.push_back(text(one)); });
    if (name == "map")
      for_each_in(iter, [&](const bson_iter_t& one) { scope.database_map[bson_iter_key(&one)] = text(one); });
  }
  return scope;
}

Result<void> ScopeKeeper::mark_new() {
  auto stored = queue_.get_state(kStateScope);
  if (!stored) return stored.error();
  const std::string now = encode_scope(scope_.options());
  if (*stored == now) return {};
  // Of an earlier version, which did not keep it: as far as anybody can tell nothing has changed.
  if (!*stored) return queue_.put_state(kStateScope, now);
  log::info("capture", "the settings changed what is mirrored: what is new in it is copied");
  const auto ranges = queue_.dirty_ranges();
  // One that is not taken apart yet may stand for more, or speak of another change: then everything is compared.
  const bool apart =
      std::none_of(ranges.begin(), ranges.end(), [](const DirtyRange& range) { return range.ns.collection.empty(); });
  DUALSYNC_TRY(
      queue_.mark_dirty({{scope_.single_database(), ""}, "new in scope", {}, false, apart ? **stored : std::string()}));
  return queue_.put_state(kStateScope, now);
}

Result<void> ScopeKeeper::keep() { return queue_.put_state(kStateScope, encode_scope(scope_.options())); }

ScopeChange::ScopeChange(std::string_view progress) {
  if (auto before = decode_scope(progress)) before_.emplace(std::move(*before));
}

}  // namespace dualsync
