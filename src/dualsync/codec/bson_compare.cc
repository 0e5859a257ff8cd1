#include "dualsync/codec/bson_compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

// Place of each type in the order; types that compare with each other share one.
int type_rank(bson_type_t type) {
  switch (type) {
    case BSON_TYPE_MINKEY: return -1;
    case BSON_TYPE_UNDEFINED: return 0;
    case BSON_TYPE_NULL: return 5;
    case BSON_TYPE_DOUBLE:
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
    case BSON_TYPE_DECIMAL128: return 10;
    case BSON_TYPE_UTF8:
    case BSON_TYPE_SYMBOL: return 15;
    case BSON_TYPE_DOCUMENT: return 20;
    case BSON_TYPE_ARRAY: return 25;
    case BSON_TYPE_BINARY: return 30;
    case BSON_TYPE_OID: return 35;
    case BSON_TYPE_BOOL: return 40;
    case BSON_TYPE_DATE_TIME: return 45;
    case BSON_TYPE_TIMESTAMP: return 47;
    case BSON_TYPE_REGEX: return 50;
    case BSON_TYPE_DBPOINTER: return 55;
    case BSON_TYPE_CODE: return 60;
    case BSON_TYPE_CODEWSCOPE: return 65;
    case BSON_TYPE_MAXKEY: return 127;
    default: return 126;
  }
}

template <typename T>
std::strong_ordering order(const T& left, const T& right) {
  return left < right   ? std::strong_ordering::less
         : right < left ? std::strong_ordering::greater
                        : std::strong_ordering::equal;
}

std::strong_ordering order_bytes(std::string_view left, std::string_view right) {
  const int result = std::memcmp(left.data(), right.data(), std::min(left.size(), right.size()));
  return result != 0 ? order(result, 0) : order(left.size(), right.size());
}

// A quad-precision number (113 bits) holds every int64 and every double exactly, and a Decimal128 to its last digit or
// two. Two ids that differ only there compare as equal here; whoever walks two sides side by side by this order must
// therefore confirm a difference by looking the `_id` up.
#if defined(__SIZEOF_FLOAT128__)
using Wide = __float128;
#else
using Wide = long double;  // quad precision on the platforms without __float128, such as aarch64
#endif

// Decimal128 reaches further than a quad: beyond 10^±kBandExponent the value is kept scaled into reach, and the band
// says by which power. Infinity is a band of its own.
constexpr int kBandExponent = 4000;
constexpr int kInfinityBand = 2;

struct Number {
  bool nan = false;
  int sign = 0;    // -1, 0, 1
  int band = 0;    // magnitude = value * 10^(kBandExponent * band)
  Wide value = 0;  // not negative
};

Number number_from(Wide value) { return {false, value < 0 ? -1 : value > 0 ? 1 : 0, 0, value < 0 ? -value : value}; }

Wide power_of_ten(int exponent) {
  Wide result = 1;
  Wide base = 10;
  for (unsigned n = static_cast<unsigned>(std::abs(exponent)); n != 0; n >>= 1U) {
    if ((n & 1U) != 0) result *= base;
    base *= base;
  }
  return result;
}

Number number_of_decimal(const bson_iter_t& iter) {
  bson_decimal128_t decimal;
  bson_iter_decimal128(&iter, &decimal);
  char text[BSON_DECIMAL128_STRING];
  bson_decimal128_to_string(&decimal, text);
  const char* p = text;
  const int sign = *p == '-' ? -1 : 1;
  if (sign < 0) ++p;
  if (std::strncmp(p, "NaN", 3) == 0) return {true, 0, 0, 0};
  if (std::strncmp(p, "Inf", 3) == 0) return {false, sign, kInfinityBand, 1};
  Wide digits = 0;
  int exponent = 0;
  bool after_point = false;
  for (; *p != '\0' && *p != 'E'; ++p) {
    if (*p == '.') {
      after_point = true;
      continue;
    }
    digits = digits * 10 + (*p - '0');
    if (after_point) --exponent;
  }
  if (*p == 'E') exponent += std::atoi(p + 1);
  if (digits == 0) return {};
  // By the exponent of the whole number, so that equal numbers written differently land in one band.
  int magnitude = exponent;
  for (Wide rest = digits; rest >= 10; rest /= 10) ++magnitude;
  const int band = magnitude > kBandExponent ? 1 : magnitude < -kBandExponent ? -1 : 0;
  exponent -= band * kBandExponent;
  return {false, sign, band, exponent < 0 ? digits / power_of_ten(exponent) : digits * power_of_ten(exponent)};
}

Number number_of(const bson_iter_t& iter) {
  switch (bson_iter_type(&iter)) {
    case BSON_TYPE_INT32: return number_from(static_cast<Wide>(bson_iter_int32(&iter)));
    case BSON_TYPE_INT64: return number_from(static_cast<Wide>(bson_iter_int64(&iter)));
    case BSON_TYPE_DOUBLE: {
      const double value = bson_iter_double(&iter);
      if (std::isnan(value)) return {true, 0, 0, 0};
      if (std::isinf(value)) return {false, value < 0 ? -1 : 1, kInfinityBand, 1};
      return number_from(static_cast<Wide>(value));
    }
    default: return number_of_decimal(iter);
  }
}

// NaN stands before every other number.
std::strong_ordering order_numbers(const bson_iter_t& left, const bson_iter_t& right) {
  const Number a = number_of(left);
  const Number b = number_of(right);
  if (a.nan || b.nan) return order(b.nan, a.nan);
  if (a.sign != b.sign || a.sign == 0) return order(a.sign, b.sign);
  const auto by_magnitude = a.band != b.band ? order(a.band, b.band) : order(a.value, b.value);
  if (a.sign > 0 || by_magnitude == 0) return by_magnitude;
  return by_magnitude < 0 ? std::strong_ordering::greater : std::strong_ordering::less;
}

std::string_view text_of(const bson_iter_t& iter) {
  std::uint32_t length = 0;
  const char* text =
      bson_iter_type(&iter) == BSON_TYPE_UTF8 ? bson_iter_utf8(&iter, &length) : bson_iter_symbol(&iter, &length);
  return {text, length};
}

std::strong_ordering order_values(const bson_iter_t& left, const bson_iter_t& right);

// Member by member: type, then name (documents only), then value; a prefix stands before what continues it.
std::strong_ordering order_members(const bson_iter_t& left, const bson_iter_t& right, bool names) {
  bson_iter_t a;
  bson_iter_t b;
  if (!bson_iter_recurse(&left, &a) || !bson_iter_recurse(&right, &b)) return std::strong_ordering::equal;
  for (;;) {
    const bool more_a = bson_iter_next(&a);
    const bool more_b = bson_iter_next(&b);
    if (!more_a || !more_b) return order(more_a, more_b);
    if (const auto by_type = order(type_rank(bson_iter_type(&a)), type_rank(bson_iter_type(&b))); by_type != 0)
      return by_type;
    if (names) {
      const auto by_name =
          order_bytes({bson_iter_key(&a), bson_iter_key_len(&a)}, {bson_iter_key(&b), bson_iter_key_len(&b)});
      if (by_name != 0) return by_name;
    }
    if (const auto by_value = order_values(a, b); by_value != 0) return by_value;
  }
}

std::strong_ordering order_binary(const bson_iter_t& left, const bson_iter_t& right) {
  bson_subtype_t subtype_a = BSON_SUBTYPE_BINARY;
  bson_subtype_t subtype_b = BSON_SUBTYPE_BINARY;
  std::uint32_t length_a = 0;
  std::uint32_t length_b = 0;
  const std::uint8_t* a = nullptr;
  const std::uint8_t* b = nullptr;
  bson_iter_binary(&left, &subtype_a, &length_a, &a);
  bson_iter_binary(&right, &subtype_b, &length_b, &b);
  if (const auto by_length = order(length_a, length_b); by_length != 0) return by_length;
  if (const auto by_type = order(static_cast<int>(subtype_a), static_cast<int>(subtype_b)); by_type != 0)
    return by_type;
  return order_bytes({reinterpret_cast<const char*>(a), length_a}, {reinterpret_cast<const char*>(b), length_b});
}

std::strong_ordering order_timestamps(const bson_iter_t& left, const bson_iter_t& right) {
  std::uint32_t t_a = 0;
  std::uint32_t i_a = 0;
  std::uint32_t t_b = 0;
  std::uint32_t i_b = 0;
  bson_iter_timestamp(&left, &t_a, &i_a);
  bson_iter_timestamp(&right, &t_b, &i_b);
  return t_a != t_b ? order(t_a, t_b) : order(i_a, i_b);
}

std::string_view raw_value(const bson_iter_t& iter) {
  return {reinterpret_cast<const char*>(iter.raw + iter.d1), iter.next_off - iter.d1};
}

std::strong_ordering order_values(const bson_iter_t& left, const bson_iter_t& right) {
  const int rank = type_rank(bson_iter_type(&left));
  if (const auto by_type = order(rank, type_rank(bson_iter_type(&right))); by_type != 0) return by_type;
  switch (bson_iter_type(&left)) {
    case BSON_TYPE_DOUBLE:
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
    case BSON_TYPE_DECIMAL128: return order_numbers(left, right);
    case BSON_TYPE_UTF8:
    case BSON_TYPE_SYMBOL: return order_bytes(text_of(left), text_of(right));
    case BSON_TYPE_DOCUMENT: return order_members(left, right, true);
    case BSON_TYPE_ARRAY: return order_members(left, right, false);
    case BSON_TYPE_BINARY: return order_binary(left, right);
    case BSON_TYPE_OID: return order_bytes(raw_value(left), raw_value(right));
    case BSON_TYPE_BOOL: return order(bson_iter_bool(&left), bson_iter_bool(&right));
    case BSON_TYPE_DATE_TIME: return order(bson_iter_date_time(&left), bson_iter_date_time(&right));
    case BSON_TYPE_TIMESTAMP: return order_timestamps(left, right);
    case BSON_TYPE_MINKEY:
    case BSON_TYPE_MAXKEY:
    case BSON_TYPE_NULL:
    case BSON_TYPE_UNDEFINED: return std::strong_ordering::equal;
    default: return order_bytes(raw_value(left), raw_value(right));
  }
}

bool is_container(const bson_iter_t& iter) { return BSON_ITER_HOLDS_DOCUMENT(&iter) || BSON_ITER_HOLDS_ARRAY(&iter); }

std::string first_difference_in(bson_iter_t a, bson_iter_t b, const std::string& prefix) {
  for (;;) {
    const bool more_a = bson_iter_next(&a);
    const bool more_b = bson_iter_next(&b);
    if (!more_a && !more_b) return prefix;
    if (!more_a) return prefix + bson_iter_key(&b);
    const std::string path = prefix + bson_iter_key(&a);
    if (!more_b || std::strcmp(bson_iter_key(&a), bson_iter_key(&b)) != 0) return path;
    if (bson_iter_type(&a) == bson_iter_type(&b) && raw_value(a) == raw_value(b)) continue;
    bson_iter_t child_a;
    bson_iter_t child_b;
    if (bson_iter_type(&a) == bson_iter_type(&b) && is_container(a) && bson_iter_recurse(&a, &child_a) &&
        bson_iter_recurse(&b, &child_b)) {
      return first_difference_in(child_a, child_b, path + ".");
    }
    return path;
  }
}

}  // namespace

std::strong_ordering compare_ids(std::string_view left, std::string_view right) {
  const auto a = view_bson(left);
  const auto b = view_bson(right);
  bson_iter_t iter_a;
  bson_iter_t iter_b;
  DUALSYNC_CHECK(a && b && bson_iter_init_find(&iter_a, &*a, "_id") && bson_iter_init_find(&iter_b, &*b, "_id"));
  return order_values(iter_a, iter_b);
}

std::string first_difference(std::string_view left, std::string_view right) {
  if (left == right) return {};
  const auto a = view_bson(left);
  const auto b = view_bson(right);
  bson_iter_t iter_a;
  bson_iter_t iter_b;
  if (!a || !b || !bson_iter_init(&iter_a, &*a) || !bson_iter_init(&iter_b, &*b)) return "(not BSON)";
  return first_difference_in(iter_a, iter_b, "");
}

}  // namespace dualsync
