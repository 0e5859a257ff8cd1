// What an Engine is made of; the middleware sees it too.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "dualsync/config/settings.h"
#include "dualsync/engine.h"
#include "dualsync/mongo/mongoc_library.h"
#include "dualsync/service/service.h"
#include "dualsync/service/switched_off.h"

namespace dualsync {

// The application's receiver of log lines, until this is gone.
class LogReceiver {
 public:
  explicit LogReceiver(const EngineOptions& options);
  ~LogReceiver();
  LogReceiver(const LogReceiver&) = delete;
  LogReceiver& operator=(const LogReceiver&) = delete;

 private:
  const bool set_;
};

struct Engine::Impl {
  explicit Impl(const EngineOptions& options) : log(options) {
    if (options.take_libmongoc_log) mongoc_log.emplace();
  }

  const LogReceiver log;  // outlives whatever writes lines
  std::optional<MongocLog> mongoc_log;
  Settings settings;
  std::unique_ptr<Service> service;  // null: switched off
  SwitchedOff off;
  bool stopped = false;
  std::atomic<bool> has_middleware{false};

  Control& control() {
    if (service == nullptr) return off;
    return service->mirror();
  }
};

inline Failure to_failure(const Error& error) { return {error.message, error.hint}; }

// Keeps the failure if anybody wants it.
inline std::nullptr_t refuse(const Error& error, Failure* failure) {
  if (failure != nullptr) *failure = to_failure(error);
  return nullptr;
}

}  // namespace dualsync
