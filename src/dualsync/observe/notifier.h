// Notifier: tells others of the mirror: alerts to SYNC_ALERT_URL, a sign of life to SYNC_HEARTBEAT_URL.
//
// Rule     never holds up who tells it: at most kAlertsMax alerts wait, of more the oldest are dropped and counted
// Order    alerts arrive in their order, each until somebody has taken it (HTTP 2xx), with growing pauses between
// Threads  run() is one thread; look() another
// Errors   none: what cannot be sent is logged, once for each outage of a receiver
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "dualsync/base/backoff.h"
#include "dualsync/base/mutex.h"
#include "dualsync/observe/alert.h"

namespace dualsync {

// How a request is made, so that tests can stand in. The HTTP status, or 0 without an answer.
class WebHook {
 public:
  virtual ~WebHook() = default;
  virtual int post(const std::string& url, const std::string& json, const std::stop_token& stop) = 0;
  virtual int get(const std::string& url, const std::stop_token& stop) = 0;
};
// Bounded in time; follows no redirect; checks certificates.
std::unique_ptr<WebHook> make_web_hook();

struct NotifierOptions {
  std::string alert_url;      // empty: none
  std::string heartbeat_url;  // empty: none
  std::string host;
  std::chrono::milliseconds heartbeat_interval = std::chrono::minutes(1);
  // A verdict that is older says nothing: whoever tells it may hang.
  std::chrono::milliseconds verdict_age_max = std::chrono::seconds(15);
  // A start is no news while the first connections are made.
  std::int64_t settle_seconds = 10;
};

class Notifier {
 public:
  static constexpr std::size_t kAlertsMax = 100;

  Notifier(NotifierOptions options, std::unique_ptr<WebHook> hook, std::uint64_t seed);

  // Others from now on. Alerts that wait go to the new one; without one they are forgotten.
  void set_urls(std::string alert_url, std::string heartbeat_url) DUALSYNC_EXCLUDES(mutex_);
  // A new picture of the mirror, about once a second.
  void look(const Status& status, std::int64_t now_ms) DUALSYNC_EXCLUDES(mutex_);
  void run(const std::stop_token& stop);

 private:
  struct Waiting {
    std::string json;
    std::string event;
  };
  struct Urls {
    std::string alert;      // empty: none
    std::string heartbeat;  // empty: none
  };
  void follow_urls() DUALSYNC_EXCLUDES(mutex_);
  void send_next(const std::stop_token& stop) DUALSYNC_EXCLUDES(mutex_);
  void send_heartbeat(const std::stop_token& stop) DUALSYNC_EXCLUDES(mutex_);

  const NotifierOptions options_;
  const std::unique_ptr<WebHook> hook_;
  std::optional<Status> before_;  // of look()'s thread
  bool settled_ = false;          // of look()'s thread: the verdict counts
  // Of run()'s thread.
  Urls asked_;
  Backoff backoff_;
  std::chrono::steady_clock::time_point next_try_;
  std::chrono::steady_clock::time_point next_heartbeat_;
  bool told_alert_ = false;
  bool told_heartbeat_ = false;

  Mutex mutex_;
  Urls urls_ DUALSYNC_GUARDED_BY(mutex_);
  std::deque<Waiting> waiting_ DUALSYNC_GUARDED_BY(mutex_);
  std::uint64_t lost_ DUALSYNC_GUARDED_BY(mutex_) = 0;
  bool healthy_ DUALSYNC_GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point looked_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
