#include "dualsync/middleware/command_watcher.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "dualsync/codec/bson.h"
#include "dualsync/middleware/command_fields.h"

namespace dualsync {

// What this thread has begun. One at a time; more only where libmongoc never told how one ended.
struct CommandWatcher::Running {
  const CommandWatcher* watcher = nullptr;
  std::int64_t request = 0;
  std::optional<ObservedWrite> write;
  std::optional<ObservedEnd> end;

  static std::vector<Running>& of_this_thread() {
    thread_local std::vector<Running> running;
    return running;
  }
};

namespace {

constexpr std::size_t kRunningMax = 16;

// Codes after which a command may have been done, or half of it: interrupted, out of time, or the server stepped down.
constexpr std::array<std::int64_t, 11> kMaybeDone{50, 64, 89, 91, 189, 262, 10107, 11600, 11601, 11602, 13435};

// True: the server has refused it before it changed anything.
bool is_refusal(std::string_view reply) {
  if (number_in(reply, "ok", 1) != 0) return false;  // no answer of the server
  const std::int64_t code = number_in(reply, "code", 0);
  return code != 0 && std::find(kMaybeDone.begin(), kMaybeDone.end(), code) == kMaybeDone.end();
}

}  // namespace

mongoc_apm_callbacks_t* CommandWatcher::make_callbacks() {
  mongoc_apm_callbacks_t* callbacks = mongoc_apm_callbacks_new();
  mongoc_apm_set_command_started_cb(callbacks, [](const mongoc_apm_command_started_t* event) {
    static_cast<CommandWatcher*>(mongoc_apm_command_started_get_context(event))->started(event);
  });
  mongoc_apm_set_command_succeeded_cb(callbacks, [](const mongoc_apm_command_succeeded_t* event) {
    static_cast<CommandWatcher*>(mongoc_apm_command_succeeded_get_context(event))->succeeded(event);
  });
  mongoc_apm_set_command_failed_cb(callbacks, [](const mongoc_apm_command_failed_t* event) {
    static_cast<CommandWatcher*>(mongoc_apm_command_failed_get_context(event))->failed(event);
  });
  return callbacks;
}

void CommandWatcher::started(const mongoc_apm_command_started_t* event) noexcept try {
  const std::string_view name = mongoc_apm_command_started_get_command_name(event);
  const std::string_view command = bytes_of(*mongoc_apm_command_started_get_command(event));
  Running running;
  running.write = observe_write(name, mongoc_apm_command_started_get_database_name(event), command);
  if (!running.write) running.end = observe_end(name, command);
  if (!running.write && !running.end) return;
  running.watcher = this;
  running.request = mongoc_apm_command_started_get_request_id(event);
  auto& all = Running::of_this_thread();
  if (all.size() >= kRunningMax) {
    lost_count_ = true;
    all.clear();
  }
  all.push_back(std::move(running));
} catch (...) {
  lost_count_ = true;
}

std::optional<CommandWatcher::Running> CommandWatcher::take(std::int64_t request) {
  auto& all = Running::of_this_thread();
  const auto found = std::find_if(all.rbegin(), all.rend(),
                                  [&](const Running& one) { return one.watcher == this && one.request == request; });
  if (found == all.rend()) return std::nullopt;
  std::optional<Running> running = std::move(*found);
  all.erase(std::next(found).base());
  return running;
}

void CommandWatcher::succeeded(const mongoc_apm_command_succeeded_t* event) noexcept try {
  const auto running = take(mongoc_apm_command_succeeded_get_request_id(event));
  if (!running) return;
  if (running->end) return settle_end(*running->end, true);
  settle_write(*running->write, bytes_of(*mongoc_apm_command_succeeded_get_reply(event)));
} catch (...) {
  lost_count_ = true;
}

void CommandWatcher::failed(const mongoc_apm_command_failed_t* event) noexcept try {
  const auto running = take(mongoc_apm_command_failed_get_request_id(event));
  if (!running) return;
  if (running->end) return settle_end(*running->end, false);
  settle_failed_write(*running->write, !is_refusal(bytes_of(*mongoc_apm_command_failed_get_reply(event))));
} catch (...) {
  lost_count_ = true;
}

void CommandWatcher::settle_write(const ObservedWrite& write, std::string_view reply) {
  if (write.transaction) return transactions_.add(*write.transaction, changes_of(write, reply));
  if (write.acknowledged) return reporter_.add(changes_of(write, reply));
  // The server has not said that it did it, nor when it will.
  ReportedChanges ranges;
  ranges.ranges = write.namespaces;
  reporter_.add_unsure(std::move(ranges));
}

void CommandWatcher::settle_failed_write(const ObservedWrite& write, bool maybe_done) {
  if (!maybe_done) return;
  if (write.transaction) return transactions_.add(*write.transaction, possible_changes_of(write));
  reporter_.add_unsure(possible_changes_of(write));
}

void CommandWatcher::settle_end(const ObservedEnd& end, bool sure) {
  if (!end.commit) return transactions_.forget(end.transaction);
  if (sure) return reporter_.add(transactions_.commit(end.transaction));
  reporter_.add_unsure(transactions_.maybe_commit(end.transaction));
}

}  // namespace dualsync
