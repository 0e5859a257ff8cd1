// Structured log: one JSON object per line on stderr, or plain text for people.
//
// Shape    {"time":"2026-11-22T18:30:00.123Z","level":"info","module":"capture","message":"...", fields...}
// Units    the unit is in the field's name: duration_ms, bytes
// Threads  any
// Errors   none: a log that cannot be written is dropped
// Rule     never a credential (everything passes redact), never a document's content
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace dualsync::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError, kOff };
enum class Format : std::uint8_t { kJson, kText };

struct Field {
  std::string_view name;
  std::variant<std::int64_t, double, bool, std::string> value;

  Field(std::string_view n, std::string_view v) : name(n), value(std::string(v)) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string(v)) {}
  Field(std::string_view n, const std::string& v) : name(n), value(v) {}
  Field(std::string_view n, bool v) : name(n), value(v) {}
  Field(std::string_view n, double v) : name(n), value(v) {}
  template <typename Int>
  requires std::is_integral_v<Int> Field(std::string_view n, Int v) : name(n), value(static_cast<std::int64_t>(v)) {}
};

using Fields = std::initializer_list<Field>;

void configure(Level level, Format format);
// Lines, without their ends, go there instead of stderr; one at a time, by any thread. Empty: to stderr again.
void send_to(std::function<void(Level, const std::string& line)> receiver);
bool enabled(Level level);  // to spare the building of fields on the hot path

void write(Level level, std::string_view module, std::string_view message, Fields fields);

inline void debug(std::string_view module, std::string_view message, Fields fields = {}) {
  if (enabled(Level::kDebug)) write(Level::kDebug, module, message, fields);
}
inline void info(std::string_view module, std::string_view message, Fields fields = {}) {
  write(Level::kInfo, module, message, fields);
}
inline void warn(std::string_view module, std::string_view message, Fields fields = {}) {
  write(Level::kWarn, module, message, fields);
}
inline void error(std::string_view module, std::string_view message, Fields fields = {}) {
  write(Level::kError, module, message, fields);
}

}  // namespace dualsync::log
