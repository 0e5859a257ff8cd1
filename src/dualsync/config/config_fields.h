// The one table of settings. Flags, environment names, defaults, bounds, help, documentation and checks come from it.
//
// Shape    one Field per setting; its type follows from the member of Settings that it fills
// Units    min and max: milliseconds for durations, bytes for amounts (std::uint64_t), characters for text, else the
//          number itself
// Threads  immutable; any
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "dualsync/config/settings.h"

namespace dualsync {

using FieldTarget =
    std::variant<bool Settings::*, std::uint32_t Settings::*, std::uint64_t Settings::*,
                 std::chrono::milliseconds Settings::*, std::string Settings::*, std::vector<std::string> Settings::*,
                 std::map<std::string, std::string> Settings::*, ListenAddress Settings::*, OnDrop Settings::*,
                 Ordering Settings::*, log::Level Settings::*, log::Format Settings::*>;

// What a text must look like, where the type alone does not say it.
enum class TextRule : std::uint8_t { kNone, kMongoUri, kPath, kToken, kWebUrl };

// kPublic is shown as it is, kUri with its password hidden, kSecret never.
enum class Privacy : std::uint8_t { kPublic, kUri, kSecret };

// Which commands offer the flag: those that only talk to a running daemon need two of them.
enum class Audience : std::uint8_t { kMirror, kEveryCommand };

struct Field {
  std::string_view env;   // SYNC_LANES
  std::string_view flag;  // --lanes; empty: no flag, because command lines can be read by others
  FieldTarget target;
  std::string_view default_text;  // as a person would write it; empty: none
  std::string_view help;          // one sentence without a full stop
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::string_view unit = {};     // of a plain number, for durations: "ms" or "s"
  std::string_view choices = {};  // of an enumeration: "archive|mirror|keep", in the order of the enumerators
  TextRule rule = TextRule::kNone;
  Privacy privacy = Privacy::kPublic;
  Audience audience = Audience::kMirror;
  bool lenient = false;  // a bool that is off for any text but `true`
  bool live = false;     // takes effect in a running daemon on SIGHUP
};

std::span<const Field> config_fields();
const Field* find_field(std::string_view env);  // null: no such setting

// "a whole number from 1 to 64"
std::string allowed_text(const Field& field);
// The value as an error message or log may show it.
std::string shown_value(const Field& field, std::string_view value);
// "a number", "true|false": what stands after the flag in --help.
std::string value_name(const Field& field);

// docs/settings.md, complete.
std::string settings_markdown();

}  // namespace dualsync
