#include "dualsync/pipeline/collection_schema.h"

#include <algorithm>
#include <map>

#include "dualsync/codec/bson.h"
#include "dualsync/pipeline/index_sync.h"
#include "dualsync/pipeline/schema_compare.h"

namespace dualsync {
namespace {

using Type = CollectionInfo::Type;

void append_uuid(bson_t* to, const char* name, bson_subtype_t subtype, std::string_view uuid) {
  bson_append_binary(to, name, -1, subtype, reinterpret_cast<const std::uint8_t*>(uuid.data()),
                     static_cast<std::uint32_t>(uuid.size()));
}

void append_indexes(bson_t* to, const std::vector<std::string>& indexes) {
  bson_t array;
  bson_append_array_begin(to, "indexes", -1, &array);
  std::size_t place = 0;
  for (const std::string& index : indexes) append_document(&array, std::to_string(place++), index);
  bson_append_array_end(to, &array);
}

std::string index_event(std::string_view type, const Namespace& ns, std::string_view uuid, OpTime time,
                        const std::vector<std::string>& indexes) {
  BsonDoc description;
  append_indexes(description.get(), indexes);
  return schema_event(type, ns, uuid, time, description.bytes());
}

}  // namespace

std::string schema_event(std::string_view type, const Namespace& ns, std::string_view uuid, OpTime time,
                         std::string_view description) {
  BsonDoc doc;
  bson_append_utf8(doc.get(), "operationType", -1, type.data(), static_cast<int>(type.size()));
  bson_append_timestamp(doc.get(), "clusterTime", -1, time.t, time.i);
  bson_t name;
  bson_append_document_begin(doc.get(), "ns", -1, &name);
  bson_append_utf8(&name, "db", -1, ns.db.data(), static_cast<int>(ns.db.size()));
  bson_append_utf8(&name, "coll", -1, ns.collection.data(), static_cast<int>(ns.collection.size()));
  bson_append_document_end(doc.get(), &name);
  if (!uuid.empty()) append_uuid(doc.get(), "collectionUUID", BSON_SUBTYPE_UUID, uuid);
  if (!description.empty()) append_document(doc.get(), "operationDescription", description);
  return doc.str();
}

std::string CollectionSchema::encode() const {
  BsonDoc doc;
  bson_append_int32(doc.get(), "type", -1, static_cast<std::int32_t>(type));
  append_uuid(doc.get(), "uuid", BSON_SUBTYPE_BINARY, uuid);
  append_document(doc.get(), "options", options);
  append_indexes(doc.get(), indexes);
  return doc.str();
}

std::optional<CollectionSchema> CollectionSchema::decode(std::string_view bytes) {
  bson_iter_t iter;
  if (!iterate_bson(bytes, &iter)) return std::nullopt;
  CollectionSchema schema;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "type" && BSON_ITER_HOLDS_INT32(&iter)) schema.type = static_cast<Type>(bson_iter_int32(&iter));
    if (name == "uuid") schema.uuid = iter_binary(iter).value_or("");
    if (name == "options") schema.options = iter_document(iter).value_or("");
    bson_iter_t index;
    if (name != "indexes" || !bson_iter_recurse(&iter, &index)) continue;
    while (bson_iter_next(&index)) schema.indexes.emplace_back(iter_document(index).value_or(""));
  }
  return schema.options.empty() ? std::nullopt : std::optional(schema);
}

Result<std::optional<CollectionSchema>> read_schema(DocumentReader& reader, const CollectionInfo& info) {
  CollectionSchema schema{info.type, info.uuid, info.options.empty() ? BsonDoc().str() : info.options, {}};
  if (info.type != Type::kCollection) return std::optional(schema);
  auto indexes = reader.list_indexes(info.ns);
  if (!indexes) return indexes.error();
  if (indexes->empty()) return std::optional<CollectionSchema>();
  for (std::string& index : *indexes) {
    if (index_name(index) != "_id_") schema.indexes.push_back(std::move(index));
  }
  return std::optional(schema);
}

std::vector<std::string> schema_events(const Namespace& ns, const CollectionSchema* before, const CollectionSchema& now,
                                       OpTime time) {
  std::vector<std::string> events;
  if (before != nullptr && now.type == Type::kView && before->options != now.options) {
    events.push_back(drop_event(ns, time));  // it holds nothing
    before = nullptr;
  }
  if (before == nullptr) events.push_back(schema_event("create", ns, now.uuid, time, now.options));
  std::map<std::string, std::string> gone;
  std::vector<std::string> built;
  if (before != nullptr) {
    std::string changes = option_repairs(now.options, before->options);
    // Sizes of a capped collection, for example: who applies it looks at the options themselves.
    if (changes.empty() && before->options != now.options) changes = BsonDoc().str();
    if (!changes.empty()) events.push_back(schema_event("modify", ns, now.uuid, time, changes));
    for (const std::string& index : before->indexes) gone[index_name(index)] = index;
  }
  for (const std::string& index : now.indexes) {
    const auto same = gone.find(index_name(index));
    if (same == gone.end() || same->second != index) built.push_back(index);
    if (same != gone.end()) gone.erase(same);
  }
  std::vector<std::string> dropped;
  for (auto& [name, index] : gone) dropped.push_back(std::move(index));
  if (!dropped.empty()) events.push_back(index_event("dropIndexes", ns, now.uuid, time, dropped));
  if (!built.empty()) events.push_back(index_event("createIndexes", ns, now.uuid, time, built));
  return events;
}

std::string drop_event(const Namespace& ns, OpTime time) { return schema_event("drop", ns, "", time, ""); }

}  // namespace dualsync
