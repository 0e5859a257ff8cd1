#include "dualsync/base/time_text.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace dualsync {

std::string iso8601(std::int64_t unix_ms) {
  std::int64_t seconds = unix_ms / 1000;
  std::int64_t millis = unix_ms % 1000;
  if (millis < 0) {
    millis += 1000;
    --seconds;
  }
  const std::time_t time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 64> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text.data() + length, text.size() - length, ".%03dZ", static_cast<int>(millis));
  return text.data();
}

std::optional<std::int64_t> parse_iso8601(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  std::int64_t millis = 0;
  if (text.size() == kForm.size() + 5 && text[kForm.size()] == '.') {
    for (const char c : text.substr(kForm.size() + 1, 3)) {
      if (c < '0' || c > '9') return std::nullopt;
      millis = millis * 10 + (c - '0');
    }
  } else if (text.size() != kForm.size() + 1) {
    return std::nullopt;
  }
  if (text.back() != 'Z') return std::nullopt;
  std::array<int, 6> parts{};  // year, month, day, hour, minute, second
  std::size_t part = 0;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] == '0') {
      if (text[i] < '0' || text[i] > '9') return std::nullopt;
      parts.at(part) = parts.at(part) * 10 + (text[i] - '0');
    } else {
      if (text[i] != kForm[i]) return std::nullopt;
      ++part;
    }
  }
  std::tm time{};
  time.tm_year = parts[0] - 1900;
  time.tm_mon = parts[1] - 1;
  time.tm_mday = parts[2];
  time.tm_hour = parts[3];
  time.tm_min = parts[4];
  time.tm_sec = parts[5];
  const std::int64_t unix_ms = static_cast<std::int64_t>(timegm(&time)) * 1000 + millis;
  // timegm takes a 31st of June for the 1st of July; only what comes back as it went in is a time.
  if (iso8601(unix_ms).substr(0, kForm.size()) != text.substr(0, kForm.size())) return std::nullopt;
  return unix_ms;
}

std::string human_duration(std::int64_t seconds) {
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
  if (seconds < 86400) return std::to_string(seconds / 3600) + " h " + std::to_string(seconds % 3600 / 60) + " min";
  return std::to_string(seconds / 86400) + " d " + std::to_string(seconds % 86400 / 3600) + " h";
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  double amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (amount >= 1024 && unit + 1 < kUnits.size()) {
    amount /= 1024;
    ++unit;
  }
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", amount, kUnits.at(unit));
  return text.data();
}

std::string human_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string plural(std::uint64_t count, std::string_view one) {
  return human_count(count) + " " + std::string(one) + (count == 1 ? "" : "s");
}

}  // namespace dualsync
