#include "dualsync/observe/alert.h"

#include <nlohmann/json.hpp>

#include "dualsync/base/redact.h"
#include "dualsync/base/time_text.h"
#include "dualsync/base/version.h"
#include "dualsync/observe/risen.h"

namespace dualsync {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string verdict_message(const Status& now) {
  std::string text = "the mirror is " + std::string(to_string(now.verdict));
  for (std::size_t i = 0; i < now.reasons.size(); ++i) text += (i == 0 ? ": " : "; ") + now.reasons[i].message;
  return text;
}

}  // namespace

std::vector<Alert> news(const Status* before, const Status& now) {
  std::vector<Alert> alerts;
  const Verdict was = before == nullptr ? Verdict::kHealthy : before->verdict;
  if (was != now.verdict) alerts.push_back({"verdict", verdict_message(now), 0, was});
  if (before == nullptr) return alerts;
  const auto counted = [&](const char* event, std::uint64_t count, const std::string& what) {
    if (count > 0) alerts.push_back({event, human_count(count) + " " + what, count, std::nullopt});
  };
  counted("dead-letters", risen(before->dead_letters, now.dead_letters),
          "operations more were refused by the backup for good; `dualsync dead-letters list` names them");
  counted("overflow",
          risen(before->payloads_dropped, now.payloads_dropped) + risen(before->ranges_dropped, now.ranges_dropped),
          "operations or collections were dropped from the queue because it is over its bounds; they are read again");
  counted("gap", risen(before->gaps, now.gaps),
          "times local no longer had our position, or the backup was not what it was: everything in scope is compared "
          "and repaired");
  counted("guard", risen(before->guard_trips, now.guard_trips),
          "collections lost most of their documents at once: the backup keeps them until you decide; `dualsync status` "
          "names them");
  counted("conflict", risen(before->conflicts, now.conflicts),
          "documents of the backup had been changed by somebody else; local won");
  return alerts;
}

std::string alert_json(const Alert& alert, const Status& now, const std::string& host, std::int64_t now_ms,
                       std::uint64_t lost) {
  OrderedJson body;
  body["product"] = "dualsync";
  body["version"] = kVersion;
  body["host"] = host;
  body["time"] = iso8601(now_ms);
  body["event"] = alert.event;
  body["message"] = redact(alert.message);
  body["count"] = alert.count;
  body["status"] = to_string(now.verdict);
  body["previous"] = alert.previous ? OrderedJson(to_string(*alert.previous)) : OrderedJson(nullptr);
  body["reasons"] = OrderedJson::array();
  for (const Reason& reason : now.reasons) {
    body["reasons"].push_back(
        {{"code", reason.code}, {"message", redact(reason.message)}, {"hint", redact(reason.hint)}});
  }
  body["rpoSeconds"] = now.rpo_seconds;
  body["lostAlerts"] = lost;
  return body.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace dualsync
