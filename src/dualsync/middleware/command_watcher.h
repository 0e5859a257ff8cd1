// CommandWatcher: hears of the commands of an application's libmongoc clients, and tells the reporter what they
// changed.
//
// Threads  any; libmongoc calls within the thread that runs the command, so that nothing here waits
// Errors   none reaches the application. lost_count(): something could not even be remembered
// Source   libmongoc's "Application Performance Monitoring"; a request's number is unique within its client only, so
//          that a command is known again by its thread
#pragma once

#include <mongoc/mongoc.h>

#include <atomic>
#include <string_view>

#include "dualsync/middleware/reporter.h"
#include "dualsync/middleware/transactions.h"

namespace dualsync {

class CommandWatcher {
 public:
  explicit CommandWatcher(Reporter& reporter) : reporter_(reporter) {}
  CommandWatcher(const CommandWatcher&) = delete;
  CommandWatcher& operator=(const CommandWatcher&) = delete;

  // Callbacks whose context is the watcher; the caller destroys them.
  static mongoc_apm_callbacks_t* make_callbacks();

  void started(const mongoc_apm_command_started_t* event) noexcept;
  void succeeded(const mongoc_apm_command_succeeded_t* event) noexcept;
  void failed(const mongoc_apm_command_failed_t* event) noexcept;

  bool lost_count() const { return lost_count_.load(std::memory_order_relaxed); }

 private:
  struct Running;
  std::optional<Running> take(std::int64_t request);
  void settle_write(const ObservedWrite& write, std::string_view reply);
  void settle_failed_write(const ObservedWrite& write, bool maybe_done);
  void settle_end(const ObservedEnd& end, bool sure);

  Reporter& reporter_;
  Transactions transactions_;
  std::atomic<bool> lost_count_{false};
};

}  // namespace dualsync
