#include "dualsync/codec/delta.h"

#include <algorithm>
#include <vector>

#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

// Comparing paths is quadratic; beyond this a touch is cheaper than the merge.
constexpr std::size_t kMergedPathsMax = 64;

struct Description {
  std::string_view updated;  // the document of new values; empty: there is none
  std::vector<std::string_view> removed;
};

bool is_numeric(std::string_view part) {
  return std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_exact_path(std::string_view path, bool dots_are_known) {
  if (!dots_are_known && path.find('.') != std::string_view::npos) return false;
  for (;;) {
    const std::size_t dot = path.find('.');
    const std::string_view part = path.substr(0, dot);
    if (part.empty() || part.front() == '$' || is_numeric(part)) return false;
    if (dot == std::string_view::npos) return true;
    path.remove_prefix(dot + 1);
  }
}

bool is_empty_container(const bson_iter_t& iter) {
  const auto bytes = iter_document(iter);
  return bytes && bytes->size() == 5;
}

// Calls `each` with every removed path; false if the array holds anything but strings.
template <typename Each>
bool for_each_removed(const bson_iter_t& array, Each each) {
  bson_iter_t child;
  if (!BSON_ITER_HOLDS_ARRAY(&array) || !bson_iter_recurse(&array, &child)) return false;
  while (bson_iter_next(&child)) {
    const auto path = iter_string(child);
    if (!path || !each(*path)) return false;
  }
  return true;
}

bool updated_paths_are_exact(const bson_iter_t& updated, bool dots_are_known) {
  bson_iter_t child;
  if (!BSON_ITER_HOLDS_DOCUMENT(&updated) || !bson_iter_recurse(&updated, &child)) return false;
  while (bson_iter_next(&child)) {
    if (!is_exact_path({bson_iter_key(&child), bson_iter_key_len(&child)}, dots_are_known)) return false;
  }
  return true;
}

std::optional<Description> parse(std::string_view bytes) {
  bson_iter_t iter;
  if (!iterate_bson(bytes, &iter)) return std::nullopt;
  Description result;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "updatedFields") {
      const auto updated = iter_document(iter);
      if (!updated) return std::nullopt;
      result.updated = *updated;
    } else if (name == "removedFields") {
      if (!for_each_removed(iter, [&](std::string_view path) {
            result.removed.push_back(path);
            return true;
          })) {
        return std::nullopt;
      }
    }
  }
  return result;
}

std::vector<std::pair<std::string_view, bson_iter_t>> updated_fields(const Description& description) {
  std::vector<std::pair<std::string_view, bson_iter_t>> fields;
  bson_iter_t iter;
  if (iterate_bson(description.updated, &iter)) {
    while (bson_iter_next(&iter))
      fields.emplace_back(std::string_view(bson_iter_key(&iter), bson_iter_key_len(&iter)), iter);
  }
  return fields;
}

bool is_proper_prefix(std::string_view shorter, std::string_view longer) {
  return longer.size() > shorter.size() && longer.starts_with(shorter) && longer[shorter.size()] == '.';
}

bool related(std::string_view a, std::string_view b) { return is_proper_prefix(a, b) || is_proper_prefix(b, a); }

}  // namespace

bool is_exact_delta(std::string_view update_description) {
  bson_iter_t iter;
  if (!iterate_bson(update_description, &iter)) return false;
  bson_iter_t disambiguated;
  const bool dots_are_known =
      find_field(update_description, "disambiguatedPaths", &disambiguated) && is_empty_container(disambiguated);
  bool changes = false;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "updatedFields") {
      if (!updated_paths_are_exact(iter, dots_are_known)) return false;
      changes = changes || !is_empty_container(iter);
    } else if (name == "removedFields") {
      if (!for_each_removed(iter, [&](std::string_view path) { return is_exact_path(path, dots_are_known); }))
        return false;
      changes = changes || !is_empty_container(iter);
    } else if (name == "truncatedArrays" || name == "disambiguatedPaths") {
      if (!is_empty_container(iter)) return false;
    } else {
      return false;  // something this version does not know: re-read
    }
  }
  return changes;  // an update that names no field has moved some
}

std::optional<std::string> merge_deltas(std::string_view older, std::string_view newer) {
  const auto first = parse(older);
  const auto second = parse(newer);
  if (!first || !second) return std::nullopt;
  const auto set_first = updated_fields(*first);
  const auto set_second = updated_fields(*second);
  if (set_first.size() + set_second.size() + first->removed.size() + second->removed.size() > kMergedPathsMax)
    return std::nullopt;

  const auto is_set_again = [&](std::string_view path) {
    return std::any_of(set_second.begin(), set_second.end(), [&](const auto& field) { return field.first == path; });
  };
  std::vector<std::string_view> all_first = first->removed;
  for (const auto& [path, value] : set_first) all_first.push_back(path);
  std::vector<std::string_view> all_second = second->removed;
  for (const auto& [path, value] : set_second) all_second.push_back(path);
  for (const std::string_view a : all_first) {
    for (const std::string_view b : all_second) {
      if (related(a, b)) return std::nullopt;
    }
  }
  const auto removed_in = [](const Description& description, std::string_view path) {
    return std::find(description.removed.begin(), description.removed.end(), path) != description.removed.end();
  };
  for (const auto& [path, value] : set_first) {
    if (removed_in(*second, path)) return std::nullopt;
  }
  for (const auto& [path, value] : set_second) {
    if (removed_in(*first, path)) return std::nullopt;
  }

  BsonDoc merged;
  bson_t child;
  bson_append_document_begin(merged.get(), "updatedFields", -1, &child);
  for (const auto& [path, value] : set_first) {
    if (!is_set_again(path)) append_value(&child, path, value);
  }
  for (const auto& [path, value] : set_second) append_value(&child, path, value);
  bson_append_document_end(merged.get(), &child);
  bson_append_array_begin(merged.get(), "removedFields", -1, &child);
  std::vector<std::string_view> removed = first->removed;
  for (const std::string_view path : second->removed) {
    if (std::find(removed.begin(), removed.end(), path) == removed.end()) removed.push_back(path);
  }
  for (std::size_t i = 0; i < removed.size(); ++i) {
    const std::string index = std::to_string(i);
    bson_append_utf8(&child, index.c_str(), -1, removed[i].data(), static_cast<int>(removed[i].size()));
  }
  bson_append_array_end(merged.get(), &child);
  return merged.str();
}

}  // namespace dualsync
