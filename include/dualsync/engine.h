// Engine: the whole mirror inside an application's process; what `dualsync run` does, without the process.
//
// One engine for one data directory. The application goes on whatever happens to the backup, to the link or to the
// engine's disk. `dualsync status`, the other commands and the dashboard find a running engine as they find the daemon,
// as long as they are given the same settings.
//
// Order    mongoc_cleanup(), which is the application's, after the engine is gone. The engine sets no signal handler,
// no
//          umask and no log of libmongoc. fork() with a running engine is not supported
// Threads  start() and the destructor by one thread; everything else by any thread
// Errors   as Failure; nothing is thrown
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dualsync/export.h"

namespace dualsync {

// What went wrong, and what a person can do about it. Neither has credentials or content of documents in it.
struct Failure {
  std::string message;
  std::string hint;  // may be empty
};

enum class LogLevel { kDebug, kInfo, kWarn, kError };

struct EngineOptions {
  // Names as in docs/settings.md, values as in the environment: {"MONGODB_LOCAL_URI", "mongodb://127.0.0.1:27017"}.
  std::map<std::string, std::string> settings;
  // Settings that are not given above are looked up in the environment; else they have their defaults.
  bool read_environment = false;
  // REST API, dashboard and metrics at SYNC_HTTP_LISTEN.
  bool serve_api = true;
  // libmongoc's own log has one receiver in a process. It goes to the engine's at level debug until the engine is gone:
  // it would say twice a second that a backup that is offline is offline. An application that has called
  // mongoc_log_set_handler() sets this to false.
  bool take_libmongoc_log = true;
  // Each line of the log, without its end. Called by any thread, one at a time; must not call the engine. Of all
  // engines of a process: the one started last decides. Not set: lines go to standard error.
  std::function<void(LogLevel level, std::string_view line)> log;
};

class DUALSYNC_API Engine {
 public:
  // Reads the settings, opens the data directory, reaches local and begins. The backup need not be there. Null: why not
  // is in `failure` (may be null); nothing runs, and start() may be called again.
  // Unlike the daemon it need not be told SYNC_ENABLED=true; with SYNC_ENABLED=false it does nothing.
  static std::unique_ptr<Engine> start(const EngineOptions& options, Failure* failure);

  // As stop(), for at most SYNC_SHUTDOWN_TIMEOUT_SECONDS.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Sends what was captured, for at most `drain`; what is not sent by then is sent after the next start. Again:
  // nothing.
  void stop(std::chrono::milliseconds drain);

  // Why the mirror cannot go on: another process took its place, or the data directory is damaged. The engine keeps
  // answering; start another one once the reason is gone.
  std::optional<Failure> failure() const;

  enum class Caught {
    kAll,         // every write to local made before the call is on the backup
    kExceptions,  // all but documents that the backup refused, or deletes that wait for a person's decision
    kNotYet,      // not in time, or the engine was stopped
  };
  // With a standalone local: of what the engine knows by now.
  Caught wait(std::chrono::milliseconds timeout);

  // JSON documents, the same as GET /api/sync/status, /metrics and /health answer.
  std::string status_json() const;
  std::string metrics_json() const;
  std::string health_json() const;

  // Stops sending to the backup, and goes on with it; kept over restarts. Capture goes on all the same.
  std::optional<Failure> pause();
  std::optional<Failure> resume();

 private:
  friend class Middleware;
  struct Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The library's version, such as "0.1.0".
DUALSYNC_API const char* version();

}  // namespace dualsync
