#include "dualsync/config/config_parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <set>

namespace dualsync {
namespace {

struct DurationUnit {
  std::string_view suffix;
  std::int64_t milliseconds;
};
// "ms" before "m" and "s": the first suffix that fits wins.
constexpr std::array<DurationUnit, 5> kDurationUnits = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

Error invalid(std::string message) { return Error{ErrorKind::kInvalidArgument, std::move(message), "", 0}; }

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, code] = std::from_chars(text.data(), end, number);
  if (text.empty() || code != std::errc() || stopped != end) return std::nullopt;
  return number;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = trimmed(text.substr(0, comma));
    if (!item.empty()) items.emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

// MongoDB's rules for names of databases, with the shorter list of characters that Windows servers refuse too.
bool is_database_name(std::string_view name) {
  constexpr std::size_t kDatabaseNameMax = 63;
  return !name.empty() && name.size() <= kDatabaseNameMax &&
         name.find_first_of("/\\. \"$*<>:|?") == std::string_view::npos;
}

Result<void> check_mongo_uri(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with("mongodb+srv://")) {
    rest.remove_prefix(14);
  } else if (rest.starts_with("mongodb://")) {
    rest.remove_prefix(10);
  } else {
    return invalid("it does not start with mongodb:// or mongodb+srv://");
  }
  const std::size_t at = rest.substr(0, rest.find('/')).rfind('@');
  if (at != std::string_view::npos) rest.remove_prefix(at + 1);
  if (rest.empty() || rest.front() == '/' || rest.front() == '?' || rest.front() == ':')
    return invalid("it names no host");
  return {};
}

Result<void> check_web_url(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return invalid("it is no URL");
  if (text.substr(0, scheme) != "http" && text.substr(0, scheme) != "https")
    return invalid("its scheme is neither http nor https");
  if (std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c >= 0x7f; }))
    return invalid("it holds a character that a URL cannot have");
  std::string_view host = text.substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  host = host.substr(host.rfind('@') == std::string_view::npos ? 0 : host.rfind('@') + 1);
  if (host.empty() || host.front() == ':') return invalid("it names no host");
  const std::size_t colon = host.find(':', host.front() == '[' ? host.find(']') : 0);
  if (colon != std::string_view::npos) {
    const std::optional<std::int64_t> port = whole_number(host.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535) return invalid("its port is not a number from 1 to 65535");
  }
  return {};
}

struct Parser {
  const Field& field;
  std::string_view text;
  Settings* settings;

  Result<void> operator()(bool Settings::*member) const {
    if (field.lenient) {
      settings->*member = text == "true";
      if (text != "true" && text != "false" && !text.empty()) {
        settings->warnings.push_back(fmt::format("{} is \"{}\", which is not `true`: the mirror stays off", field.env,
                                                 shown_value(field, text)));
      }
      return {};
    }
    if (text != "true" && text != "false") return invalid("it is neither true nor false");
    settings->*member = text == "true";
    return {};
  }

  Result<void> operator()(std::uint32_t Settings::*member) const {
    const std::optional<std::int64_t> number = whole_number(text);
    if (!number) return invalid("it is not a whole number");
    if (*number < field.min || *number > field.max) return invalid("it is out of bounds");
    settings->*member = static_cast<std::uint32_t>(*number);
    return {};
  }

  Result<void> operator()(std::uint64_t Settings::*member) const {
    const Result<std::int64_t> bytes = parse_bytes(text);
    if (!bytes) return bytes.error();
    if (*bytes < field.min || *bytes > field.max) return invalid("it is out of bounds");
    settings->*member = static_cast<std::uint64_t>(*bytes);
    return {};
  }

  Result<void> operator()(std::chrono::milliseconds Settings::*member) const {
    // What may be 0 is switched off by it.
    Result<std::int64_t> duration =
        field.min == 0 && text == "off" ? Result<std::int64_t>(0) : parse_duration(text, field.unit);
    if (!duration) return duration.error();
    if (*duration < field.min || *duration > field.max) return invalid("it is out of bounds");
    settings->*member = std::chrono::milliseconds(*duration);
    return {};
  }

  Result<void> operator()(std::string Settings::*member) const {
    if (text.size() > static_cast<std::size_t>(field.max)) return invalid("it is too long");
    if (text.size() < static_cast<std::size_t>(field.min) && !text.empty()) return invalid("it is too short");
    if (field.rule == TextRule::kMongoUri && !text.empty()) DUALSYNC_TRY(check_mongo_uri(text));
    if (field.rule == TextRule::kWebUrl && !text.empty()) DUALSYNC_TRY(check_web_url(text));
    const auto visible = [](char c) { return c > ' ' && c < 0x7f; };
    if (field.rule == TextRule::kToken && !std::all_of(text.begin(), text.end(), visible)) {
      return invalid("it holds a character that does not fit into an HTTP header");
    }
    settings->*member = std::string(text);
    return {};
  }

  Result<void> operator()(std::vector<std::string> Settings::*member) const {
    if (text.size() > static_cast<std::size_t>(field.max)) return invalid("it is too long");
    settings->*member = split_list(text);
    return {};
  }

  Result<void> operator()(std::map<std::string, std::string> Settings::*member) const {
    if (text.size() > static_cast<std::size_t>(field.max)) return invalid("it is too long");
    std::map<std::string, std::string> map;
    std::set<std::string> backups;
    for (const std::string& item : split_list(text)) {
      const std::size_t equals = std::min(item.find('='), item.size());
      const std::string local(trimmed(std::string_view(item).substr(0, equals)));
      const std::string backup(equals == item.size() ? "" : trimmed(std::string_view(item).substr(equals + 1)));
      if (!is_database_name(local) || !is_database_name(backup)) {
        return invalid("a part of it is not of the form local=backup with two names of databases");
      }
      if (!map.emplace(local, backup).second)
        return invalid(fmt::format("it names the local database {} twice", local));
      // Two sources in one database would delete each other's documents as foreign.
      if (!backups.insert(backup).second) return invalid(fmt::format("it sends two databases to {}", backup));
    }
    settings->*member = std::move(map);
    return {};
  }

  Result<void> operator()(ListenAddress Settings::*member) const {
    Result<ListenAddress> address = parse_listen_address(text);
    if (!address) return address.error();
    settings->*member = std::move(address).value();
    return {};
  }

  Result<void> operator()(OnDrop Settings::*member) const { return choose(member); }
  Result<void> operator()(Ordering Settings::*member) const { return choose(member); }
  Result<void> operator()(log::Level Settings::*member) const { return choose(member); }
  Result<void> operator()(log::Format Settings::*member) const { return choose(member); }

  template <typename Enum>
  Result<void> choose(Enum Settings::*member) const {
    std::string_view rest = field.choices;
    for (std::uint8_t index = 0; !rest.empty(); ++index) {
      const std::size_t bar = std::min(rest.find('|'), rest.size());
      if (rest.substr(0, bar) == text) {
        settings->*member = static_cast<Enum>(index);
        return {};
      }
      rest.remove_prefix(std::min(bar + 1, rest.size()));
    }
    return invalid("it is none of the known words");
  }
};

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

Result<std::int64_t> parse_duration(std::string_view text, std::string_view unit) {
  std::string_view suffix = unit;
  for (const DurationUnit& known : kDurationUnits) {
    if (!text.ends_with(known.suffix)) continue;
    suffix = known.suffix;
    text = trimmed(text.substr(0, text.size() - known.suffix.size()));
    break;
  }
  const std::optional<std::int64_t> number = whole_number(text);
  if (!number || *number < 0) return invalid("it is not a duration");
  for (const DurationUnit& known : kDurationUnits) {
    if (known.suffix != suffix) continue;
    if (*number > std::numeric_limits<std::int64_t>::max() / known.milliseconds) return invalid("it is out of bounds");
    return *number * known.milliseconds;
  }
  return invalid("its unit is not known");
}

Result<std::int64_t> parse_bytes(std::string_view text) {
  unsigned shift = 0;
  constexpr std::array<std::pair<std::string_view, unsigned>, 4> kUnits = {
      {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}}};
  for (const auto& [suffix, bits] : kUnits) {
    if (!text.ends_with(suffix)) continue;
    shift = bits;
    text = trimmed(text.substr(0, text.size() - suffix.size()));
    break;
  }
  const std::optional<std::int64_t> number = whole_number(text);
  if (!number || *number < 0) return invalid("it is not a number of bytes");
  if (*number > (std::numeric_limits<std::int64_t>::max() >> shift)) return invalid("it is out of bounds");
  return *number << shift;
}

std::string duration_text(std::int64_t milliseconds) {
  for (auto unit = kDurationUnits.rbegin(); unit != kDurationUnits.rend(); ++unit) {
    if (milliseconds != 0 && milliseconds % unit->milliseconds == 0) {
      return fmt::format("{} {}", milliseconds / unit->milliseconds, unit->suffix);
    }
  }
  return "0 s";
}

Result<void> parse_field(const Field& field, std::string_view text, Settings* settings) {
  const std::string_view value = trimmed(text);
  return std::visit(Parser{field, value.empty() ? field.default_text : value, settings}, field.target);
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return invalid("it names no port");
  std::string_view host = text.substr(0, colon);
  const std::optional<std::int64_t> port = whole_number(text.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535) return invalid("its port is not a number from 0 to 65535");
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return invalid("an IPv6 address needs brackets");
  }
  if (host.empty()) return invalid("it names no host");
  if (host.find_first_of(" /[]@") != std::string_view::npos)
    return invalid("its host is neither a name nor an address");
  return ListenAddress{std::string(host), static_cast<std::uint16_t>(*port)};
}

}  // namespace dualsync
