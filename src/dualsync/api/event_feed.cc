#include "dualsync/api/event_feed.h"

#include <fmt/format.h>

#include "dualsync/api/drill_json.h"
#include "dualsync/api/full_sync_json.h"
#include "dualsync/api/json_views.h"
#include "dualsync/api/verify_json.h"
#include "dualsync/base/clock.h"
#include "dualsync/base/time_text.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

std::string one_line(const Json& body) { return body.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Without the lists, which may be long: those who want them ask for them.
Json summary(Json body, std::initializer_list<const char*> lists) {
  for (const char* list : lists) body.erase(list);
  return body;
}

}  // namespace

std::shared_ptr<const EventFeed::Sample> EventFeed::next(std::uint64_t seen) {
  std::shared_ptr<const Sample> before;
  {
    const MutexLock lock(mutex_);
    for (;;) {
      if (stopped_) return nullptr;
      const Time now = std::chrono::steady_clock::now();
      const bool fresh = newest_ != nullptr && now < made_ + interval_;
      if (newest_ != nullptr && (newest_->id > seen) && (seen > 0 || fresh)) return newest_;
      if (!making_ && !fresh) break;
      if (making_) {
        changed_.wait(mutex_);
      } else {
        changed_.wait_until(mutex_, made_ + interval_);
      }
    }
    making_ = true;
    before = newest_;
  }
  auto made = make(before.get());  // asks the mirror, without the lock
  const MutexLock lock(mutex_);
  newest_ = std::move(made);
  made_ = std::chrono::steady_clock::now();
  making_ = false;
  changed_.notify_all();
  return stopped_ ? nullptr : newest_;
}

void EventFeed::stop() {
  const MutexLock lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

std::shared_ptr<const EventFeed::Sample> EventFeed::make(const Sample* before) const {
  const Status status = control_.status();
  auto sample = std::make_shared<Sample>();
  sample->id = before == nullptr ? 1 : before->id + 1;
  Json body;
  body["time"] = iso8601(system_clock().unix_ms());
  body["status"] = status_json(status);
  body["fullSync"] = summary(full_sync_json(control_.full_sync()), {"namespaces"});
  body["verify"] = summary(verify_status_json(control_.verify()), {"namespaces", "differences", "differs"});
  body["drill"] = summary(drill_status_json(control_.drill()), {"report"});
  sample->json = one_line(body);
  sample->verdict_json = one_line(health_json(status));
  // What passes with time (the RPO, durations in words) is no news; another verdict or reason is.
  std::string verdict(to_string(status.verdict));
  for (const Reason& reason : status.reasons) verdict += "|" + reason.code;
  sample->verdict = std::move(verdict);
  const bool same = before != nullptr && before->verdict == sample->verdict;
  sample->verdict_id = same ? before->verdict_id : sample->id;
  return sample;
}

std::string event_text(const EventFeed::Sample& sample, std::uint64_t seen_verdict) {
  std::string text;
  if (sample.verdict_id > seen_verdict)
    text += fmt::format("id: {}\nevent: verdict\ndata: {}\n\n", sample.id, sample.verdict_json);
  return text + fmt::format("id: {}\nevent: sample\ndata: {}\n\n", sample.id, sample.json);
}

}  // namespace dualsync
