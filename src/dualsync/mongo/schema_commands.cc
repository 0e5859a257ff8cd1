#include "dualsync/mongo/schema_commands.h"

#include <algorithm>
#include <array>
#include <span>

#include "dualsync/codec/index_key.h"

namespace dualsync {
namespace {

// expireAfterSeconds of a collection is that of a time series or a clustered collection.
constexpr std::array<std::string_view, 11> kDroppedOfCreate = {
    "capped",        "size", "max",    "uuid", "autoIndexId", "idIndex", "expireAfterSeconds",
    "storageEngine", "temp", "create", "flags"};
// prepareUnique is a state on the way to a unique index; not every server takes it when it builds one.
constexpr std::array<std::string_view, 8> kDroppedOfIndex = {
    "ns", "background", "expireAfterSeconds", "v", "safe", "dropDups", "storageEngine", "prepareUnique"};
constexpr std::array<std::string_view, 5> kDroppedOfModify = {"expireAfterSeconds", "cappedSize", "cappedMax",
                                                              "collMod", "index"};
constexpr std::array<std::string_view, 2> kNamesOfIndex = {"name", "keyPattern"};

// What local's own server made of a collection, and no other should be told.
constexpr std::array<std::string_view, 4> kTrueOfCreate = {"capped", "size", "max", "expireAfterSeconds"};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Error not_bson(std::string_view what) {
  return {ErrorKind::kInvalidArgument, std::string(what) + ": not a BSON document", "", 0};
}

bool is_id_index(const bson_t& definition) {
  bson_iter_t iter;
  if (bson_iter_init_find(&iter, &definition, "name") && iter_string(iter) == "_id_") return true;
  bson_iter_t key;
  if (!bson_iter_init_find(&iter, &definition, "key") || !bson_iter_recurse(&iter, &key) || !bson_iter_next(&key)) {
    return false;
  }
  const bool ascending_id =
      std::string_view(bson_iter_key(&key)) == "_id" && BSON_ITER_HOLDS_NUMBER(&key) && bson_iter_as_double(&key) > 0;
  return ascending_id && !bson_iter_next(&key);
}

// The `index` of a collMod without its TTL; nothing is appended if only its name is left.
bool append_index_change(bson_t* to, const bson_iter_t& field) {
  bson_iter_t part;
  if (!bson_iter_recurse(&field, &part)) return false;
  BsonDoc kept;
  bool changes = false;
  while (bson_iter_next(&part)) {
    const std::string_view name = bson_iter_key(&part);
    if (name == "expireAfterSeconds") continue;
    if (!contains(kNamesOfIndex, name)) changes = true;
    bson_append_iter(kept.get(), bson_iter_key(&part), -1, &part);
  }
  if (changes) append_document(to, "index", kept.bytes());
  return changes;
}

// What follows from the granularity is listed beside it, but not every server takes it so. False: it has none.
bool append_series(bson_t* to, const bson_iter_t& series) {
  bson_iter_t part;
  const auto options = iter_document(series);
  if (!options || !find_field(*options, "granularity", &part) || !iterate_bson(*options, &part)) return false;
  BsonDoc kept;
  while (bson_iter_next(&part)) {
    const std::string_view name = bson_iter_key(&part);
    if (name != "bucketMaxSpanSeconds" && name != "bucketRoundingSeconds") append_value(kept.get(), name, part);
  }
  append_document(to, "timeseries", kept.bytes());
  return true;
}

}  // namespace

Result<void> build_create(const std::string& collection, std::string_view options, BsonDoc* command, SchemaForm form) {
  bson_append_utf8(command->get(), "create", -1, collection.c_str(), static_cast<int>(collection.size()));
  if (options.empty()) return {};
  const auto view = view_bson(options);
  bson_iter_t iter;
  if (!view.has_value() || !bson_iter_init(&iter, &*view)) return not_bson("options of a collection");
  const bool is_view = bson_has_field(&*view, "viewOn");
  while (bson_iter_next(&iter)) {
    std::string_view name = bson_iter_key(&iter);
    const bool kept = form == SchemaForm::kTrue && contains(kTrueOfCreate, name);
    if (!kept && contains(kDroppedOfCreate, name)) continue;
    // The embedded server's create event names a view's pipeline so.
    if (name == "viewPipeline") name = "pipeline";
    // Only views have a pipeline; a collection's options may hold an empty one.
    if (name == "pipeline" && !is_view) continue;
    if (name == "timeseries" && append_series(command->get(), iter)) continue;
    bson_append_iter(command->get(), name.data(), static_cast<int>(name.size()), &iter);
  }
  return {};
}

Result<bool> build_create_index(const std::string& collection, std::string_view definition, BsonDoc* command,
                                SchemaForm form) {
  const auto view = view_bson(definition);
  bson_iter_t iter;
  if (!view.has_value() || !bson_iter_init(&iter, &*view)) return not_bson("definition of an index");
  if (is_id_index(*view)) return false;
  bson_append_utf8(command->get(), "createIndexes", -1, collection.c_str(), static_cast<int>(collection.size()));
  bson_t indexes;
  bson_t index;
  bson_append_array_begin(command->get(), "indexes", -1, &indexes);
  bson_append_document_begin(&indexes, "0", -1, &index);
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "v" && BSON_ITER_HOLDS_NUMBER(&iter) && bson_iter_as_int64(&iter) == 2)
      BSON_APPEND_INT32(&index, "v", 2);
    const bool kept = form == SchemaForm::kTrue && name == "expireAfterSeconds";
    if (!kept && contains(kDroppedOfIndex, name)) continue;
    if (name == "key") {
      append_index_key(&index, iter);
    } else {
      bson_append_iter(&index, bson_iter_key(&iter), -1, &iter);
    }
  }
  bson_append_document_end(&indexes, &index);
  bson_append_array_end(command->get(), &indexes);
  return true;
}

Result<bool> build_modify(const std::string& collection, std::string_view changes, BsonDoc* command, SchemaForm form) {
  bson_iter_t iter;
  if (!iterate_bson(changes, &iter)) return not_bson("changes of a collection");
  bson_append_utf8(command->get(), "collMod", -1, collection.c_str(), static_cast<int>(collection.size()));
  bool any = false;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "index") any = append_index_change(command->get(), iter) || any;
    const bool kept = form == SchemaForm::kTrue && contains(kTrueOfCreate, name);
    if (!kept && contains(kDroppedOfModify, name)) continue;
    const std::string_view target = name == "viewPipeline" ? "pipeline" : name;
    bson_append_iter(command->get(), target.data(), static_cast<int>(target.size()), &iter);
    any = true;
  }
  return any;
}

}  // namespace dualsync
