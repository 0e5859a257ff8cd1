#include "dualsync/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "dualsync/base/clock.h"
#include "dualsync/base/mutex.h"
#include "dualsync/base/redact.h"
#include "dualsync/base/time_text.h"

namespace dualsync::log {
namespace {

std::atomic<Level> current_level{Level::kInfo};
std::atomic<Format> current_format{Format::kJson};

struct Receiver {
  Mutex mutex;
  std::function<void(Level, const std::string&)> function DUALSYNC_GUARDED_BY(mutex);
  std::atomic<bool> is_set{false};
};

Receiver& receiver() {
  static Receiver one;
  return one;
}

spdlog::logger& sink() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("dualsync", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

const char* name_of(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarn: return "warn";
    case Level::kError: return "error";
    case Level::kOff: break;
  }
  return "off";
}

std::string json_line(Level level, std::string_view module, std::string_view message, Fields fields) {
  nlohmann::ordered_json line;
  line["time"] = iso8601(system_clock().unix_ms());
  line["level"] = name_of(level);
  line["module"] = module;
  line["message"] = redact(message);
  for (const Field& field : fields) {
    std::visit(
        [&](const auto& value) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
            line[std::string(field.name)] = redact(value);
          } else {
            line[std::string(field.name)] = value;
          }
        },
        field.value);
  }
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string text_line(Level level, std::string_view module, std::string_view message, Fields fields) {
  std::string line = fmt::format("{} {:<5} {}: {}", iso8601(system_clock().unix_ms()), name_of(level), module, message);
  for (const Field& field : fields) {
    std::visit([&](const auto& value) { line += fmt::format(" {}={}", field.name, value); }, field.value);
  }
  return redact(line);
}

}  // namespace

void configure(Level level, Format format) {
  current_level = level;
  current_format = format;
}

void send_to(std::function<void(Level, const std::string&)> function) {
  const MutexLock lock(receiver().mutex);
  receiver().function = std::move(function);
  receiver().is_set = static_cast<bool>(receiver().function);
}

bool enabled(Level level) { return level >= current_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view module, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  const std::string line = current_format == Format::kJson ? json_line(level, module, message, fields)
                                                           : text_line(level, module, message, fields);
  if (receiver().is_set) {
    const MutexLock lock(receiver().mutex);
    if (receiver().function) return receiver().function(level, line);
  }
  sink().info(line);
}

}  // namespace dualsync::log
