#include "dualsync/pipeline/schema_compare.h"

#include <algorithm>
#include <array>
#include <optional>

#include "dualsync/codec/bson.h"
#include "dualsync/pipeline/index_sync.h"

namespace dualsync {
namespace {

// A mirror is never capped and deletes nothing by its own clock (time series and clustered collections can): it must
// not evict in an order of its own. The rest is what a mirror is not told (mongo/schema_commands.cc).
constexpr std::array<std::string_view, 11> kOwnOptions = {
    "uuid",          "capped", "size",  "max",   "autoIndexId", "idIndex", "expireAfterSeconds",
    "storageEngine", "temp",   "flags", "create"};

std::string value_bytes(const bson_iter_t& iter) {
  BsonDoc value;
  bson_append_iter(value.get(), "v", 1, &iter);
  return value.str();
}

constexpr std::array<const char*, 4> kBounds = {"capped", "size", "max", "expireAfterSeconds"};

// What collMod can change, and how a collection has it that was created without.
const std::map<std::string, std::string>& option_defaults() {
  static const auto kDefaults = [] {
    std::map<std::string, std::string> defaults;
    BsonDoc values;
    bson_t child;
    bson_append_document_begin(values.get(), "validator", -1, &child);
    bson_append_document_end(values.get(), &child);
    BSON_APPEND_UTF8(values.get(), "validationLevel", "strict");
    BSON_APPEND_UTF8(values.get(), "validationAction", "error");
    bson_append_document_begin(values.get(), "changeStreamPreAndPostImages", -1, &child);
    BSON_APPEND_BOOL(&child, "enabled", false);
    bson_append_document_end(values.get(), &child);
    bson_iter_t iter;
    DUALSYNC_CHECK(iterate_bson(values.bytes(), &iter));
    while (bson_iter_next(&iter)) defaults[bson_iter_key(&iter)] = value_bytes(iter);
    return defaults;
  }();
  return kDefaults;
}

// A number, whatever its type; a truth is 1 or 0.
std::optional<std::int64_t> number_at(std::string_view document, const char* name) {
  bson_iter_t iter;
  if (!find_field(document, name, &iter)) return std::nullopt;
  if (BSON_ITER_HOLDS_BOOL(&iter)) return bson_iter_bool(&iter) ? 1 : 0;
  return BSON_ITER_HOLDS_NUMBER(&iter) ? std::optional<std::int64_t>(bson_iter_as_int64(&iter)) : std::nullopt;
}

std::string text_of(std::optional<std::int64_t> number) { return number ? std::to_string(*number) : "none"; }

}  // namespace

std::map<std::string, std::string> comparable_options(std::string_view options) {
  std::map<std::string, std::string> result;
  bson_iter_t iter;
  if (!iterate_bson(options, &iter)) return result;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (std::find(kOwnOptions.begin(), kOwnOptions.end(), name) != kOwnOptions.end()) continue;
    std::string value = value_bytes(iter);
    const auto usual = option_defaults().find(std::string(name));
    if (usual == option_defaults().end() || usual->second != value) result[std::string(name)] = std::move(value);
  }
  return result;
}

std::vector<std::string> different_options(std::string_view local, std::string_view backup) {
  std::vector<std::string> found;
  const auto a = comparable_options(local);
  const auto b = comparable_options(backup);
  for (const auto& [name, value] : a) {
    const auto other = b.find(name);
    if (other == b.end()) found.push_back("option '" + name + "' is missing on the backup");
    if (other != b.end() && other->second != value) found.push_back("option '" + name + "' differs");
  }
  for (const auto& [name, value] : b) {
    if (!a.contains(name)) found.push_back("option '" + name + "' exists only on the backup");
  }
  return found;
}

std::string option_repairs(std::string_view local, std::string_view backup) {
  const auto wanted = comparable_options(local);
  const auto there = comparable_options(backup);
  BsonDoc changes;
  bool any = false;
  for (const auto& [name, usual] : option_defaults()) {
    const auto want = wanted.find(name);
    const auto have = there.find(name);
    const std::string& value = want == wanted.end() ? usual : want->second;
    if (value == (have == there.end() ? usual : have->second)) continue;
    bson_iter_t iter;
    DUALSYNC_CHECK(find_field(value, "v", &iter));
    bson_append_iter(changes.get(), name.c_str(), -1, &iter);
    any = true;
  }
  return any ? changes.str() : std::string();
}

std::vector<std::string> different_indexes(const std::vector<std::string>& local,
                                           const std::vector<std::string>& backup) {
  std::vector<std::string> found;
  std::map<std::string, std::string> present;
  for (const std::string& definition : backup) present[index_name(definition)] = comparable_index(definition);
  for (const std::string& definition : local) {
    const std::string name = index_name(definition);
    const auto other = present.find(name);
    if (other == present.end()) {
      found.push_back("index '" + name + "' is missing on the backup");
      continue;
    }
    if (other->second != comparable_index(definition)) found.push_back("index '" + name + "' differs");
    present.erase(other);
  }
  for (const auto& [name, definition] : present) found.push_back("index '" + name + "' exists only on the backup");
  return found;
}

std::string bounds_of(std::string_view options) {
  BsonDoc bounds;
  bson_iter_t iter;
  for (const char* name : kBounds) {
    if (find_field(options, name, &iter)) bson_append_iter(bounds.get(), name, -1, &iter);
  }
  return bson_empty(bounds.get()) ? std::string() : bounds.str();
}

std::vector<std::string> different_bounds(std::string_view local, std::string_view restored) {
  std::vector<std::string> found;
  for (const char* name : kBounds) {
    const auto wanted = number_at(local, name);
    const auto is = number_at(restored, name);
    if (wanted.value_or(0) != is.value_or(0)) {
      found.push_back("option '" + std::string(name) + "' comes back as " + text_of(is) + " instead of " +
                      text_of(wanted));
    }
  }
  return found;
}

std::vector<std::string> different_ttls(const std::vector<std::string>& local,
                                        const std::vector<std::string>& restored) {
  std::vector<std::string> found;
  for (const std::string& wanted : local) {
    const std::string name = index_name(wanted);
    const auto is = std::find_if(restored.begin(), restored.end(),
                                 [&](const std::string& definition) { return index_name(definition) == name; });
    if (is == restored.end()) continue;
    const auto a = number_at(wanted, "expireAfterSeconds");
    const auto b = number_at(*is, "expireAfterSeconds");
    if (a != b) {
      found.push_back("the TTL of index '" + name + "' comes back as " + text_of(b) + " instead of " + text_of(a) +
                      " seconds");
    }
  }
  return found;
}

}  // namespace dualsync
