#include "dualsync/model/archive_name.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>

namespace dualsync {
namespace {

constexpr std::string_view kMark = "__dropped_";
constexpr std::size_t kTimeLength = 16;  // 20261122T183000Z

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

std::string archive_name(std::string_view database, std::string_view collection, std::int64_t unix_seconds,
                         std::uint32_t serial) {
  const std::time_t time = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts);
  const std::string suffix = std::string(kMark) + text.data() + "_" + std::to_string(serial);
  const std::size_t taken = database.size() + 1 + suffix.size();
  const std::size_t room = taken < kNamespaceBytesMax ? kNamespaceBytesMax - taken : 1;
  std::string_view kept = collection.substr(0, room);
  // Never in the middle of a UTF-8 character.
  while (kept.size() < collection.size() && !kept.empty() &&
         (static_cast<unsigned char>(collection[kept.size()]) & 0xC0U) == 0x80U) {
    kept.remove_suffix(1);
  }
  return std::string(kept) + suffix;
}

bool is_archive_name(std::string_view collection) {
  const std::size_t mark = collection.rfind(kMark);
  if (mark == std::string_view::npos) return false;
  std::string_view rest = collection.substr(mark + kMark.size());
  if (rest.size() < kTimeLength + 2) return false;
  const std::string_view time = rest.substr(0, kTimeLength);
  rest.remove_prefix(kTimeLength);
  return all_digits(time.substr(0, 8)) && time[8] == 'T' && all_digits(time.substr(9, 6)) && time[15] == 'Z' &&
         rest.front() == '_' && all_digits(rest.substr(1));
}

}  // namespace dualsync
