#include "sim/sim_document.h"

#include "dualsync/codec/bson.h"

namespace dualsync::sim {
namespace {

void append_id(bson_t* to, Id id) {
  if (id.wide) {
    BSON_APPEND_INT64(to, "_id", id.number);
  } else {
    BSON_APPEND_INT32(to, "_id", id.number);
  }
}

}  // namespace

std::string key_of(Id id) {
  BsonDoc doc;
  append_id(doc.get(), id);
  return doc.str();
}

std::string encode(Id id, const Fields& fields) {
  BsonDoc doc;
  append_id(doc.get(), id);
  for (const auto& [name, value] : fields) BSON_APPEND_INT32(doc.get(), name.c_str(), value);
  return doc.str();
}

Fields decode(std::string_view document) {
  Fields fields;
  bson_iter_t iter;
  if (!iterate_bson(document, &iter)) return fields;
  while (bson_iter_next(&iter)) {
    const std::string name = bson_iter_key(&iter);
    if (name != "_id") fields.emplace_back(name, static_cast<int>(bson_iter_as_int64(&iter)));
  }
  return fields;
}

Id id_of(std::string_view document) {
  bson_iter_t iter;
  if (!find_field(document, "_id", &iter)) return {};
  return {static_cast<int>(bson_iter_as_int64(&iter)), BSON_ITER_HOLDS_INT64(&iter)};
}

int* find(Fields* fields, const std::string& name) {
  for (auto& [field, value] : *fields) {
    if (field == name) return &value;
  }
  return nullptr;
}

}  // namespace dualsync::sim
