#include "dualsync/api/verify_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "dualsync/api/json_views.h"
#include "dualsync/api/request_body.h"
#include "dualsync/base/redact.h"
#include "dualsync/base/time_text.h"
#include "dualsync/json/value_json.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kVerifyForm =
    R"(the body is {"namespaces": ["shop.bills", "log*"], "repair": false, "quick": false}; all may be left out)";

Json time_or_null(std::int64_t ms) { return ms == 0 ? Json(nullptr) : Json(iso8601(ms)); }

Json part_json(const VerifyPart& part) {
  return {{"namespace", part.ns.full()},
          {"state", to_string(part.state)},
          {"equal", part.state == VerifyPart::State::kDone ? Json(part.equal()) : Json(nullptr)},
          {"documentsDone", part.documents_done},
          {"documentsTotal", std::max(part.documents_total, part.documents_done)},
          {"byDigest", part.by_digest},
          {"differenceCount", part.difference_count},
          {"unsettled", part.unsettled},
          {"excepted", part.excepted},
          {"schema", part.schema}};
}

Json difference_json(const VerifyStatus::Named& one) {
  return {{"namespace", one.ns.full()},
          {"kind", to_string(one.difference.kind)},
          {"id", id_value(one.difference.id_json)},
          {"path", one.difference.path}};
}

}  // namespace

Result<VerifyOrder> parse_verify_order(std::string_view body) {
  VerifyOrder order;
  auto given = parse_request_body(body, kVerifyForm);
  if (!given) return given.error();
  for (const auto& [name, value] : given->items()) {
    if (name == "repair") {
      if (!value.is_boolean()) return invalid_body("repair is neither true nor false", kVerifyForm);
      order.repair = value.get<bool>();
    } else if (name == "quick") {
      if (!value.is_boolean()) return invalid_body("quick is neither true nor false", kVerifyForm);
      order.quick = value.get<bool>();
    } else if (name == "namespaces") {
      auto names = parse_namespaces(value, kVerifyForm);
      if (!names) return names.error();
      order.namespaces = std::move(*names);
    } else {
      return invalid_body(fmt::format("\"{}\" is not known", name), kVerifyForm);
    }
  }
  return order;
}

Json verify_status_json(const VerifyStatus& status) {
  using State = VerifyStatus::State;
  Json body;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::uint64_t parts_done = 0;
  Json parts = Json::array();
  for (const VerifyPart& part : status.parts) {
    done += part.documents_done;
    total += std::max(part.documents_total, part.documents_done);
    parts_done += part.state == VerifyPart::State::kDone ? 1 : 0;
    parts.push_back(part_json(part));
  }
  Json differences = Json::array();
  for (const VerifyStatus::Named& one : status.differences) differences.push_back(difference_json(one));
  const bool ended = status.state == State::kDone;
  body["state"] = to_string(status.state);
  body["phase"] = status.state == State::kRunning ? Json(to_string(status.phase)) : Json(nullptr);
  body["id"] = status.id;
  body["scheduled"] = status.scheduled;
  body["whole"] = status.whole;
  body["repair"] = status.repair;
  body["quick"] = status.quick;
  body["startedAt"] = time_or_null(status.started_ms);
  body["finishedAt"] = time_or_null(status.finished_ms);
  body["error"] = status.error.empty() ? Json(nullptr) : Json(redact(status.error));
  body["equal"] = ended ? Json(status.difference_count() + status.schema_count() == 0) : Json(nullptr);
  body["repaired"] = status.repaired ? Json(*status.repaired) : Json(nullptr);
  body["verifiedUntil"] = op_time_json(status.verified_until);
  body["namespacesDone"] = parts_done;
  body["namespacesTotal"] = status.parts.size();
  body["documentsDone"] = done;
  body["documentsTotal"] = total;
  body["byDigest"] = status.by_digest();
  body["differenceCount"] = status.difference_count();
  body["schemaDifferenceCount"] = status.schema_count();
  body["unsettled"] = status.unsettled();
  body["differences"] = std::move(differences);
  body["namespaces"] = std::move(parts);
  return body;
}

}  // namespace dualsync
