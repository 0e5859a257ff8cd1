#include "dualsync/codec/document_key.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

// Tags keep types apart that compare as different; numbers share one because MongoDB compares them by value.
constexpr char kInteger = 'i';  // any number that is a whole number of 64 bits
constexpr char kDecimal = 'd';  // any other number of at most 34 significant digits: sign, digits, exponent
constexpr char kDouble = 'f';   // a double with more digits: no Decimal128 can equal it
constexpr char kSpecial = 'n';  // NaN, +inf, -inf

__extension__ using Magnitude = unsigned __int128;

// More digits than a Decimal128 has cannot be equal to one.
constexpr int kDecimalDigitsMax = 34;
// A double's exact decimal expansion never has more significant digits than this.
constexpr int kDoubleDigitsMax = 767;

void append_u64(std::uint64_t value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_sized(std::string_view bytes, std::string* out) {
  append_u64(bytes.size(), out);
  out->append(bytes);
}

void append_integer(std::int64_t value, std::string* out) {
  out->push_back(kInteger);
  append_u64(static_cast<std::uint64_t>(value), out);
}

void append_special(char which, std::string* out) {
  out->push_back(kSpecial);
  out->push_back(which);
}

// `digits` without leading zeros; value = digits * 10^exponent.
void append_decimal(bool negative, std::string digits, int exponent, std::string* out) {
  while (digits.size() > 1 && digits.back() == '0') {
    digits.pop_back();
    ++exponent;
  }
  if (digits.empty() || digits == "0") return append_integer(0, out);
  if (exponent >= 0 && digits.size() + static_cast<std::size_t>(exponent) <= 19) {
    Magnitude magnitude = 0;
    for (const char c : digits) magnitude = magnitude * 10 + static_cast<unsigned>(c - '0');
    for (int i = 0; i < exponent; ++i) magnitude *= 10;
    const Magnitude limit = static_cast<Magnitude>(std::numeric_limits<std::int64_t>::max()) + (negative ? 1 : 0);
    if (magnitude <= limit) {
      const auto value = static_cast<std::uint64_t>(magnitude);
      return append_integer(static_cast<std::int64_t>(negative ? 0 - value : value), out);
    }
  }
  out->push_back(kDecimal);
  out->push_back(negative ? '-' : '+');
  append_u64(static_cast<std::uint64_t>(static_cast<std::int64_t>(exponent)), out);
  append_sized(digits, out);
}

void append_double(double value, std::string* out) {
  if (std::isnan(value)) return append_special('?', out);
  if (std::isinf(value)) return append_special(value < 0 ? '-' : '+', out);
  if (value >= -9223372036854775808.0 && value < 9223372036854775808.0 && std::trunc(value) == value) {
    return append_integer(static_cast<std::int64_t>(value), out);
  }
  char text[kDoubleDigitsMax + 32];
  std::snprintf(text, sizeof text, "%.*e", kDoubleDigitsMax - 1, std::fabs(value));
  std::string digits(1, text[0]);
  const char* mark = std::strchr(text, 'e');
  digits.append(text + 2, static_cast<std::size_t>(mark - text - 2));
  int exponent = std::atoi(mark + 1) - (kDoubleDigitsMax - 1);
  while (digits.size() > 1 && digits.back() == '0') {
    digits.pop_back();
    ++exponent;
  }
  if (digits.size() <= kDecimalDigitsMax) return append_decimal(value < 0, std::move(digits), exponent, out);
  out->push_back(kDouble);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  append_u64(bits, out);
}

void append_decimal128(const bson_decimal128_t& value, std::string* out) {
  char text[BSON_DECIMAL128_STRING];
  bson_decimal128_to_string(&value, text);
  std::string_view rest(text);
  const bool negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);
  if (rest.starts_with("NaN")) return append_special('?', out);
  if (rest.starts_with("Inf")) return append_special(negative ? '-' : '+', out);
  std::string digits;
  int exponent = 0;
  bool after_point = false;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (c == '.') {
      after_point = true;
    } else if (c == 'E') {
      exponent += std::atoi(text + (rest.data() - text) + i + 1);
      break;
    } else {
      if (!digits.empty() || c != '0') digits.push_back(c);
      if (after_point) --exponent;
    }
  }
  append_decimal(negative, std::move(digits), exponent, out);
}

void append_value(const bson_iter_t& iter, std::string* out);

// Field names count inside documents, not inside arrays, where they are only positions.
void append_members(bson_iter_t iter, bool names, std::string* out) {
  while (bson_iter_next(&iter)) {
    out->push_back('{');
    if (names) append_sized({bson_iter_key(&iter), bson_iter_key_len(&iter)}, out);
    append_value(iter, out);
  }
  out->push_back('}');
}

void append_raw_value(const bson_iter_t& iter, char tag, std::string* out) {
  out->push_back(tag);
  const bson_iter_t& it = iter;
  const std::uint32_t begin = it.d1;
  append_sized({reinterpret_cast<const char*>(it.raw + begin), it.next_off - begin}, out);
}

void append_value(const bson_iter_t& iter, std::string* out) {
  bson_iter_t child;
  switch (bson_iter_type(&iter)) {
    case BSON_TYPE_INT32: return append_integer(bson_iter_int32(&iter), out);
    case BSON_TYPE_INT64: return append_integer(bson_iter_int64(&iter), out);
    case BSON_TYPE_DOUBLE: return append_double(bson_iter_double(&iter), out);
    case BSON_TYPE_DECIMAL128: {
      bson_decimal128_t value;
      bson_iter_decimal128(&iter, &value);
      return append_decimal128(value, out);
    }
    case BSON_TYPE_DOCUMENT:
    case BSON_TYPE_ARRAY: {
      const bool document = bson_iter_type(&iter) == BSON_TYPE_DOCUMENT;
      out->push_back(document ? 'o' : 'a');
      if (bson_iter_recurse(&iter, &child)) append_members(child, document, out);
      return;
    }
    case BSON_TYPE_UTF8:
    case BSON_TYPE_SYMBOL: return append_raw_value(iter, 's', out);  // equal for the server's comparison
    case BSON_TYPE_NULL: out->push_back('0'); return;
    case BSON_TYPE_UNDEFINED: out->push_back('u'); return;
    case BSON_TYPE_MINKEY: out->push_back('<'); return;
    case BSON_TYPE_MAXKEY: out->push_back('>'); return;
    case BSON_TYPE_BOOL: out->push_back(bson_iter_bool(&iter) ? 'T' : 'F'); return;
    default: out->push_back('r'); return append_raw_value(iter, static_cast<char>(bson_iter_type(&iter)), out);
  }
}

}  // namespace

bool append_canonical_key(std::string_view document_key, std::string* out) {
  bson_iter_t iter;
  if (!find_field(document_key, "_id", &iter)) return false;
  append_value(iter, out);
  return true;
}

std::string id_key_of(std::string_view document) {
  bson_iter_t iter;
  if (!find_field(document, "_id", &iter)) return {};
  BsonDoc key;
  append_value(key.get(), "_id", iter);
  return key.str();
}

std::string id_to_json(const std::string& key) {
  if (key.empty()) return {};
  const std::string text = to_json(key);
  const std::size_t begin = text.find_first_not_of(' ', text.find(':') + 1);
  const std::size_t end = text.find_last_not_of(' ', text.rfind('}') - 1);
  return text.substr(begin, end + 1 - begin);
}

std::string id_key_from_text(std::string_view text) {
  const std::string json = "{\"_id\": " + std::string(text) + "}";
  bson_error_t error{};
  bson_t* parsed =
      bson_new_from_json(reinterpret_cast<const std::uint8_t*>(json.data()), static_cast<ssize_t>(json.size()), &error);
  // Text such as `1, "b": 2` would make more than an `_id` of it.
  if (parsed != nullptr && bson_count_keys(parsed) == 1) {
    std::string key(bytes_of(*parsed));
    bson_destroy(parsed);
    return key;
  }
  bson_destroy(parsed);
  BsonDoc key;
  bson_append_utf8(key.get(), "_id", -1, text.data(), static_cast<int>(text.size()));
  return key.str();
}

}  // namespace dualsync
