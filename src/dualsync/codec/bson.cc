#include "dualsync/codec/bson.h"

#include <vector>

#include "dualsync/codec/validate.h"

namespace dualsync {

namespace {

// Without recursion: whatever follows a document into its depth may use one frame of the stack for each level.
bool is_shallow(const bson_t& document) {
  std::vector<BsonIter> open(1);
  if (!bson_iter_init(&open.back().at, &document)) return false;
  while (!open.empty()) {
    if (!bson_iter_next(&open.back().at)) {
      open.pop_back();
      continue;
    }
    const bson_iter_t* const at = &open.back().at;
    if (!BSON_ITER_HOLDS_DOCUMENT(at) && !BSON_ITER_HOLDS_ARRAY(at)) continue;
    BsonIter inner;
    if (!bson_iter_recurse(at, &inner.at) || open.size() >= kBsonDepthMax) return false;
    open.push_back(inner);
  }
  return true;
}

}  // namespace

bool is_valid_bson(std::string_view document) {
  const auto view = view_bson(document);
  return view && is_shallow(*view) && bson_validate(&*view, BSON_VALIDATE_NONE, nullptr);
}

void append_value(bson_t* to, std::string_view name, const bson_iter_t& iter) {
  constexpr std::size_t kFrame = 7;  // length, type, the name's end, the document's end
  const std::size_t begin = iter.key + bson_iter_key_len(&iter) + 1;
  const std::string_view value(reinterpret_cast<const char*>(iter.raw) + begin, iter.next_off - begin);
  const auto length = static_cast<std::uint32_t>(kFrame + name.size() + value.size());
  std::string element;
  element.reserve(length);
  for (unsigned i = 0; i < sizeof length; ++i) element += static_cast<char>(length >> (8 * i) & 0xffU);
  element += static_cast<char>(bson_iter_type(&iter));
  element.append(name).push_back('\0');
  element.append(value).push_back('\0');
  const auto view = view_bson(element);
  DUALSYNC_CHECK(view.has_value() && bson_concat(to, &*view));
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
