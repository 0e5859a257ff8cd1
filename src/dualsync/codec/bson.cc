#include "dualsync/codec/bson.h"

#include "dualsync/codec/validate.h"

namespace dualsync {

bool is_valid_bson(std::string_view document) {
  const auto view = view_bson(document);
  return view && bson_validate(&*view, BSON_VALIDATE_NONE, nullptr);
}

std::string to_json(std::string_view document) {
  const auto view = view_bson(document);
  if (!view) return "(not a BSON document)";
  std::size_t length = 0;
  char* text = bson_as_canonical_extended_json(&*view, &length);
  if (text == nullptr) return "(a BSON document without a JSON form)";
  std::string json(text, length);
  bson_free(text);
  return json;
}

}  // namespace dualsync
