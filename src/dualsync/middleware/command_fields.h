// Fields of a command or of its reply, with what stands for them when they are missing or of another type.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dualsync/codec/bson.h"

namespace dualsync {

inline std::int64_t number_in(std::string_view document, const char* name, std::int64_t otherwise) {
  bson_iter_t field;
  if (!find_field(document, name, &field) || !BSON_ITER_HOLDS_NUMBER(&field)) return otherwise;
  return bson_iter_as_int64(&field);
}

inline bool bool_in(std::string_view document, const char* name, bool otherwise) {
  bson_iter_t field;
  return find_field(document, name, &field) ? bson_iter_as_bool(&field) : otherwise;
}

inline std::string text_in(std::string_view document, const char* name) {
  bson_iter_t field;
  return find_field(document, name, &field) ? std::string(iter_string(field).value_or("")) : std::string();
}

// A sub-document or an array; or nothing.
inline std::string_view document_in(std::string_view document, const char* name) {
  bson_iter_t field;
  return find_field(document, name, &field) ? iter_document(field).value_or(std::string_view()) : std::string_view();
}

// Calls `each` with every document of the array `list`.
template <typename Each>
void for_each_document(std::string_view document, const char* list, const Each& each) {
  bson_iter_t one;
  const std::string_view array = document_in(document, list);
  if (array.empty() || !iterate_bson(array, &one)) return;
  while (bson_iter_next(&one)) {
    if (const auto part = iter_document(one)) each(*part);
  }
}

// BSON {_id: value}.
inline std::string id_key(const bson_iter_t& value) {
  BsonDoc key;
  bson_append_iter(key.get(), "_id", 3, &value);
  return key.str();
}

}  // namespace dualsync
