#include "dualsync/observe/notifier.h"

#include <utility>

#include "dualsync/base/log.h"
#include "dualsync/base/waiting.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kLook{200};
using Clock = std::chrono::steady_clock;

bool taken(int status) { return status >= 200 && status < 300; }

}  // namespace

Notifier::Notifier(NotifierOptions options, std::unique_ptr<WebHook> hook, std::uint64_t seed)
    : options_(std::move(options)), hook_(std::move(hook)), backoff_(seed) {
  const MutexLock lock(mutex_);
  urls_ = {options_.alert_url, options_.heartbeat_url};
}

void Notifier::set_urls(std::string alert_url, std::string heartbeat_url) {
  const MutexLock lock(mutex_);
  urls_ = {std::move(alert_url), std::move(heartbeat_url)};
  if (urls_.alert.empty()) waiting_.clear();
}

void Notifier::look(const Status& status, std::int64_t now_ms) {
  settled_ = settled_ || status.verdict == Verdict::kHealthy || status.uptime_seconds >= options_.settle_seconds;
  if (!before_) {  // what this process has counted since it began is news; what the queue kept from before is not
    before_ = status;
    before_->verdict = Verdict::kHealthy;
    before_->gaps = 0;
    before_->conflicts = 0;
  }
  {
    const MutexLock lock(mutex_);
    healthy_ = status.verdict == Verdict::kHealthy;
    looked_ = Clock::now();
  }
  for (const Alert& alert : news(&*before_, status)) {
    if (!settled_ && alert.event == "verdict") continue;
    log::write(alert.event == "verdict" && status.verdict == Verdict::kHealthy ? log::Level::kInfo : log::Level::kWarn,
               "alert", alert.message, {{"event", alert.event}, {"count", alert.count}});
    const MutexLock lock(mutex_);
    if (urls_.alert.empty()) continue;
    if (waiting_.size() >= kAlertsMax) {
      waiting_.pop_front();
      ++lost_;
    }
    waiting_.push_back({alert_json(alert, status, options_.host, now_ms, lost_), alert.event});
  }
  before_ = status;
  if (!settled_) before_->verdict = Verdict::kHealthy;
}

void Notifier::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    follow_urls();
    if (!asked_.alert.empty() && Clock::now() >= next_try_) send_next(stop);
    if (!stop.stop_requested() && !asked_.heartbeat.empty() && Clock::now() >= next_heartbeat_) send_heartbeat(stop);
    sleep_for(kLook, stop);
  }
}

// A receiver that is new has refused nothing yet.
void Notifier::follow_urls() {
  const MutexLock lock(mutex_);
  if (urls_.alert != asked_.alert) {
    asked_.alert = urls_.alert;
    backoff_.reset();
    next_try_ = {};
    told_alert_ = false;
  }
  if (urls_.heartbeat != asked_.heartbeat) {
    asked_.heartbeat = urls_.heartbeat;
    next_heartbeat_ = {};
    told_heartbeat_ = false;
  }
}

void Notifier::send_next(const std::stop_token& stop) {
  for (;;) {
    Waiting next;
    {
      const MutexLock lock(mutex_);
      if (waiting_.empty()) return;
      next = waiting_.front();
    }
    const int status = hook_->post(asked_.alert, next.json, stop);
    if (stop.stop_requested() && !taken(status)) return;
    if (!taken(status)) {
      if (!told_alert_) {
        log::warn("alert", "SYNC_ALERT_URL takes no alerts; they wait and are tried again",
                  {{"event", next.event}, {"http_status", status}});
      }
      told_alert_ = true;
      next_try_ = Clock::now() + backoff_.next();
      return;
    }
    if (std::exchange(told_alert_, false)) log::info("alert", "SYNC_ALERT_URL takes alerts again");
    backoff_.reset();
    const MutexLock lock(mutex_);
    // Dropped meanwhile, if too many came.
    if (!waiting_.empty() && waiting_.front().json == next.json) waiting_.pop_front();
  }
}

void Notifier::send_heartbeat(const std::stop_token& stop) {
  {
    const MutexLock lock(mutex_);
    if (!healthy_ || Clock::now() - looked_ > options_.verdict_age_max) return;  // its absence is the message
  }
  next_heartbeat_ = Clock::now() + options_.heartbeat_interval;
  const int status = hook_->get(asked_.heartbeat, stop);
  if (taken(status)) {
    told_heartbeat_ = false;
  } else if (!std::exchange(told_heartbeat_, true) && !stop.stop_requested()) {
    log::warn("alert", "SYNC_HEARTBEAT_URL does not answer", {{"http_status", status}});
  }
}

}  // namespace dualsync
