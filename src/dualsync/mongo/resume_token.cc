#include "dualsync/mongo/resume_token.h"

#include <charconv>

#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

constexpr std::size_t kTimeBegin = 2;
constexpr std::size_t kTimeEnd = kTimeBegin + 16;
constexpr std::size_t kKindBegin = kTimeEnd + 4;  // behind the version

std::optional<std::uint64_t> parse_hex(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<TokenTime> token_time(std::string_view token) {
  bson_iter_t iter;
  if (!find_field(token, "_data", &iter)) return std::nullopt;
  const auto data = iter_string(iter);
  if (!data.has_value() || data->size() < kTimeEnd || !data->starts_with("82")) return std::nullopt;
  const auto time = parse_hex(data->substr(kTimeBegin, kTimeEnd - kTimeBegin));
  if (!time.has_value()) return std::nullopt;
  TokenTime result;
  result.time = OpTime::unpack(*time);
  result.high_water_mark =
      data->size() >= kKindBegin + 2 && data->substr(kTimeEnd, 2) == "2B" && data->substr(kKindBegin, 2) == "29";
  return result;
}

}  // namespace dualsync
