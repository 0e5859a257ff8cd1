// Thin RAII over libbson: an owning document, and views of bytes that somebody else owns.
//
// Shape    BSON documents travel through the program as std::string / std::string_view of their bytes
// Errors   view() gives nothing for bytes that are not one whole BSON document; nested content is checked when read
#pragma once

#include <bson/bson.h>

#include <optional>
#include <string>
#include <string_view>

#include "dualsync/base/check.h"

namespace dualsync {

// An owning document under construction or received from the driver.
class BsonDoc {
 public:
  BsonDoc() { bson_init(&bson_); }
  ~BsonDoc() { bson_destroy(&bson_); }
  BsonDoc(const BsonDoc&) = delete;
  BsonDoc& operator=(const BsonDoc&) = delete;

  bson_t* get() { return &bson_; }
  const bson_t* get() const { return &bson_; }
  // For driver calls that initialise a reply of their own: destroys what is here first.
  bson_t* out() {
    bson_destroy(&bson_);
    return &bson_;
  }
  void clear() { bson_reinit(&bson_); }
  std::string_view bytes() const { return {reinterpret_cast<const char*>(bson_get_data(&bson_)), bson_.len}; }
  std::string str() const { return std::string(bytes()); }

 private:
  bson_t bson_;
};

inline std::string_view bytes_of(const bson_t& bson) {
  return {reinterpret_cast<const char*>(bson_get_data(&bson)), bson.len};
}

// A bson_t over bytes that somebody else owns, safe to copy: libbson's own struct points into itself, so that a plain
// copy would go on reading where the original was. alignas: a derived type loses the alignment that bson_t asks for.
struct alignas(alignof(bson_t)) BsonView : bson_t {
  BsonView() : bson_t() {}
  BsonView(const BsonView& other) : bson_t(other) { point_at(bson_get_data(&other), other.len); }
  BsonView& operator=(const BsonView& other) {
    if (this != &other) point_at(bson_get_data(&other), other.len);
    return *this;
  }
  bool point_at(const std::uint8_t* data, std::size_t length) { return bson_init_static(this, data, length); }
};

// A bson_iter_t for containers: a template argument loses the alignment that bson_iter_t asks for, too.
struct BsonIter {
  bson_iter_t at;
};

inline constexpr std::size_t kSmallestBson = 5;  // length and terminator; libbson aborts on a null pointer

// A bson_t over `bytes`, which must outlive it.
inline std::optional<BsonView> view_bson(std::string_view bytes) {
  if (bytes.size() < kSmallestBson) return std::nullopt;
  BsonView view;
  if (!view.point_at(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size())) return std::nullopt;
  return view;
}

// Stands before the first element of `bytes`; false if they are not one whole BSON document. Much cheaper than a view.
inline bool iterate_bson(std::string_view bytes, bson_iter_t* iter) {
  return bytes.size() >= kSmallestBson &&
         bson_iter_init_from_data(iter, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

// Stands on the field `name` of `bytes`; false if there is none.
inline bool find_field(std::string_view bytes, const char* name, bson_iter_t* iter) {
  return iterate_bson(bytes, iter) && bson_iter_find(iter, name);
}

// The bytes of a sub-document or array under `iter`; nothing for other types.
inline std::optional<std::string_view> iter_document(const bson_iter_t& iter) {
  const std::uint8_t* data = nullptr;
  std::uint32_t length = 0;
  if (BSON_ITER_HOLDS_DOCUMENT(&iter)) {
    bson_iter_document(&iter, &length, &data);
  } else if (BSON_ITER_HOLDS_ARRAY(&iter)) {
    bson_iter_array(&iter, &length, &data);
  } else {
    return std::nullopt;
  }
  if (data == nullptr || length < 5) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(data), length);
}

inline std::optional<std::string_view> iter_string(const bson_iter_t& iter) {
  if (!BSON_ITER_HOLDS_UTF8(&iter)) return std::nullopt;
  std::uint32_t length = 0;
  const char* text = bson_iter_utf8(&iter, &length);
  return std::string_view(text, length);
}

// Of any subtype.
inline std::optional<std::string_view> iter_binary(const bson_iter_t& iter) {
  if (!BSON_ITER_HOLDS_BINARY(&iter)) return std::nullopt;
  bson_subtype_t subtype = BSON_SUBTYPE_BINARY;
  std::uint32_t length = 0;
  const std::uint8_t* data = nullptr;
  bson_iter_binary(&iter, &subtype, &length, &data);
  return std::string_view(reinterpret_cast<const char*>(data), length);
}

// Appends `document` as sub-document `name`.
inline void append_document(bson_t* to, std::string_view name, std::string_view document) {
  const auto view = view_bson(document);
  DUALSYNC_CHECK(view.has_value());
  DUALSYNC_CHECK(bson_append_document(to, name.data(), static_cast<int>(name.size()), &*view));
}

// Appends the value at `iter` under `name`, byte for byte. bson_append_iter() is not that: it sorts the options of a
// regular expression and cuts code at a zero byte.
void append_value(bson_t* to, std::string_view name, const bson_iter_t& iter);

// Canonical Extended JSON, for messages about keys and schema; never for the content of a user's document.
std::string to_json(std::string_view document);

}  // namespace dualsync
