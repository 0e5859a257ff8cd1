#include "dualsync/config/config_fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "dualsync/base/redact.h"
#include "dualsync/config/config_parse.h"

namespace dualsync {
namespace {

struct Allowed {
  const Field& field;

  std::string operator()(bool Settings::*) const { return "true or false"; }
  std::string operator()(std::uint32_t Settings::*) const {
    return fmt::format("a whole number from {} to {}", field.min, field.max);
  }
  std::string operator()(std::uint64_t Settings::*) const {
    return "a whole number of bytes, or with KiB, MiB, GiB or TiB behind it";
  }
  std::string operator()(std::chrono::milliseconds Settings::*) const {
    return fmt::format("{}a duration from {} to {}: a whole number of {}, or with ms, s, m, h or d behind it",
                       field.min == 0 ? "off, or " : "", duration_text(field.min), duration_text(field.max),
                       field.unit == "ms" ? "milliseconds" : "seconds");
  }
  std::string operator()(std::string Settings::*) const {
    switch (field.rule) {
      case TextRule::kMongoUri: return "mongodb://host[:port][/database] or mongodb+srv://host[/database]";
      case TextRule::kToken:
        return fmt::format("{} to {} visible ASCII characters without spaces", field.min, field.max);
      case TextRule::kWebUrl: return "http://host[:port][/path] or https://host[:port][/path]";
      case TextRule::kPath: return "the path of a directory";
      case TextRule::kNone: break;
    }
    return "a text";
  }
  std::string operator()(std::vector<std::string> Settings::*) const {
    return "a comma list of `name` or `db.name`, `*` stands for any characters";
  }
  std::string operator()(std::map<std::string, std::string> Settings::*) const {
    return "a comma list of local=backup, each database once on either side";
  }
  std::string operator()(ListenAddress Settings::*) const {
    return "host:port with a port from 0 to 65535, IPv6 in brackets";
  }
  std::string operator()(OnDrop Settings::*) const { return one_of(); }
  std::string operator()(Ordering Settings::*) const { return one_of(); }
  std::string operator()(log::Level Settings::*) const { return one_of(); }
  std::string operator()(log::Format Settings::*) const { return one_of(); }

  std::string one_of() const {
    std::string text = "one of ";
    for (const char c : field.choices) text += c == '|' ? std::string(", ") : std::string(1, c);
    return text;
  }
};

struct ValueName {
  const Field& field;

  std::string operator()(bool Settings::*) const { return "true|false"; }
  std::string operator()(std::uint32_t Settings::*) const { return "NUMBER"; }
  std::string operator()(std::uint64_t Settings::*) const { return "BYTES"; }
  std::string operator()(std::chrono::milliseconds Settings::*) const {
    return fmt::format("DURATION[{}]", field.unit);
  }
  std::string operator()(std::string Settings::*) const {
    return field.rule == TextRule::kMongoUri ? "URI" : field.rule == TextRule::kPath ? "DIR" : "TEXT";
  }
  std::string operator()(std::vector<std::string> Settings::*) const { return "LIST"; }
  std::string operator()(std::map<std::string, std::string> Settings::*) const { return "LOCAL=BACKUP,..."; }
  std::string operator()(ListenAddress Settings::*) const { return "HOST:PORT"; }
  std::string operator()(OnDrop Settings::*) const { return std::string(field.choices); }
  std::string operator()(Ordering Settings::*) const { return std::string(field.choices); }
  std::string operator()(log::Level Settings::*) const { return std::string(field.choices); }
  std::string operator()(log::Format Settings::*) const { return std::string(field.choices); }
};

}  // namespace

const Field* find_field(std::string_view env) {
  const std::span<const Field> fields = config_fields();
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.env == env; });
  return found == fields.end() ? nullptr : &*found;
}

std::string allowed_text(const Field& field) { return std::visit(Allowed{field}, field.target); }

std::string value_name(const Field& field) { return std::visit(ValueName{field}, field.target); }

std::string shown_value(const Field& field, std::string_view value) {
  constexpr std::size_t kShownMax = 200;
  if (field.privacy == Privacy::kSecret) return "***";
  // A text that is no URI may be a password pasted into the wrong place, and behind a space or a quote it may go on:
  // nothing in it can be told apart.
  const bool one_word = std::none_of(
      value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\''; });
  if (field.privacy == Privacy::kUri && (value.find("://") == std::string_view::npos || !one_word)) return "***";
  // Nor can a URI without its slashes that was pasted into another setting; none of those has an @ in it.
  if (value.find('@') != std::string_view::npos && value.find("://") == std::string_view::npos) return "***";
  std::string text = redact(value);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  if (text.size() > kShownMax) text = text.substr(0, kShownMax) + "...";
  return text;
}

}  // namespace dualsync
