#include "dualsync/codec/delta.h"

#include <algorithm>
#include <cstring>
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

struct UpdatedField {
  std::string_view path;
  std::string_view element;  // type, path and value, as they stand in the document
};

std::vector<UpdatedField> updated_fields(const Description& description) {
  std::vector<UpdatedField> fields;
  bson_iter_t iter;
  if (description.updated.empty() || !iterate_bson(description.updated, &iter)) return fields;
  fields.reserve(4);
  std::size_t begin = 0;
  const auto close = [&](std::size_t end) {
    if (!fields.empty()) fields.back().element = description.updated.substr(begin, end - begin);
    begin = end;
  };
  while (bson_iter_next(&iter)) {
    close(bson_iter_offset(&iter));
    fields.push_back({{bson_iter_key(&iter), bson_iter_key_len(&iter)}, {}});
  }
  close(description.updated.size() - 1);
  return fields;
}

// BSON by hand: a merge is made of whole elements that are there already.
std::size_t begin_document(std::string* out) {
  out->append(sizeof(std::int32_t), '\0');
  return out->size() - sizeof(std::int32_t);
}

std::size_t begin_field(char type, std::string_view name, std::string* out) {
  out->push_back(type);
  out->append(name).push_back('\0');
  return begin_document(out);
}

void end_document(std::size_t begin, std::string* out) {
  out->push_back('\0');
  const std::uint32_t length = BSON_UINT32_TO_LE(static_cast<std::uint32_t>(out->size() - begin));
  std::memcpy(out->data() + begin, &length, sizeof length);
}

void append_string(std::string_view name, std::string_view value, std::string* out) {
  const std::uint32_t length = BSON_UINT32_TO_LE(static_cast<std::uint32_t>(value.size() + 1));
  out->push_back(BSON_TYPE_UTF8);
  out->append(name).push_back('\0');
  out->append(reinterpret_cast<const char*>(&length), sizeof length);
  out->append(value).push_back('\0');
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
    return std::any_of(set_second.begin(), set_second.end(), [&](const auto& field) { return field.path == path; });
  };
  std::vector<std::string_view> all_first = first->removed;
  for (const auto& [path, element] : set_first) all_first.push_back(path);
  std::vector<std::string_view> all_second = second->removed;
  for (const auto& [path, element] : set_second) all_second.push_back(path);
  for (const std::string_view a : all_first) {
    for (const std::string_view b : all_second) {
      if (related(a, b)) return std::nullopt;
    }
  }
  const auto removed_in = [](const Description& description, std::string_view path) {
    return std::find(description.removed.begin(), description.removed.end(), path) != description.removed.end();
  };
  for (const auto& [path, element] : set_first) {
    if (removed_in(*second, path)) return std::nullopt;
  }
  for (const auto& [path, element] : set_second) {
    if (removed_in(*first, path)) return std::nullopt;
  }

  std::string merged;
  merged.reserve(older.size() + newer.size());
  const std::size_t whole = begin_document(&merged);
  std::size_t list = begin_field(BSON_TYPE_DOCUMENT, "updatedFields", &merged);
  for (const auto& [path, element] : set_first) {
    if (!is_set_again(path)) merged += element;
  }
  for (const auto& [path, element] : set_second) merged += element;
  end_document(list, &merged);
  list = begin_field(BSON_TYPE_ARRAY, "removedFields", &merged);
  std::vector<std::string_view> removed = first->removed;
  for (const std::string_view path : second->removed) {
    if (std::find(removed.begin(), removed.end(), path) == removed.end()) removed.push_back(path);
  }
  for (std::size_t i = 0; i < removed.size(); ++i) append_string(std::to_string(i), removed[i], &merged);
  end_document(list, &merged);
  end_document(whole, &merged);
  return merged;
}

}  // namespace dualsync
