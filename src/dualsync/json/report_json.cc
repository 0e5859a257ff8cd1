#include "dualsync/json/report_json.h"

#include "dualsync/base/time_text.h"
#include "dualsync/json/value_json.h"

namespace dualsync {

nlohmann::ordered_json day_report_json(const DayReport& report, const Status& now) {
  using Json = nlohmann::ordered_json;
  const auto time = [](std::int64_t ms) { return ms == 0 ? Json(nullptr) : Json(iso8601(ms)); };
  Json body;
  body["from"] = time(report.from_ms);
  body["until"] = time(report.until_ms);
  body["status"] = to_string(now.verdict);
  body["seconds"] = {{"healthy", report.seconds[0]},
                     {"degraded", report.seconds[1]},
                     {"unhealthy", report.seconds[2]},
                     {"notRunning", report.silent_seconds}};
  body["starts"] = report.starts;
  body["captured"] = report.captured;
  body["synced"] = report.synced;
  body["refused"] = report.refused;
  body["coalesced"] = report.coalesced;
  body["bytesSent"] = report.bytes_sent;
  body["conflicts"] = report.conflicts;
  body["gaps"] = report.gaps;
  body["newDeadLetters"] = report.dead_letters;
  body["openDeadLetters"] = now.dead_letters;
  body["worstRpoSeconds"] = report.worst_rpo_seconds;
  body["worstRpoAt"] = time(report.worst_rpo_ms);
  body["reasons"] = Json::object();
  for (const auto& [code, minutes] : report.reasons) body["reasons"][code] = minutes;
  body["verifiedUntil"] = op_time_json(now.verified_until);
  body["lastProvenRestore"] = now.last_proven_restore_ms ? Json(iso8601(*now.last_proven_restore_ms)) : Json(nullptr);
  body["words"] = report.words;
  return body;
}

}  // namespace dualsync
