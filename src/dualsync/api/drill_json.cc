#include "dualsync/api/drill_json.h"

#include <fmt/format.h>

#include "dualsync/api/request_body.h"
#include "dualsync/base/redact.h"
#include "dualsync/base/time_text.h"
#include "dualsync/json/value_json.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kDrillForm =
    R"(the body is {"namespaces": ["shop.bills", "log*"], "compareLocal": "auto"}; compareLocal is auto, always or )"
    "never, and both may be left out";

Result<CompareLocal> parse_compare(const Json& value) {
  if (value == "auto") return CompareLocal::kAuto;
  if (value == "always") return CompareLocal::kAlways;
  if (value == "never") return CompareLocal::kNever;
  return invalid_body("compareLocal is something else", kDrillForm);
}

}  // namespace

Result<DrillOrder> parse_drill_order(std::string_view body) {
  DrillOrder order;
  auto given = parse_request_body(body, kDrillForm);
  if (!given) return given.error();
  for (const auto& [name, value] : given->items()) {
    if (name == "compareLocal") {
      const auto compare = parse_compare(value);
      if (!compare) return compare.error();
      order.compare = *compare;
    } else if (name == "namespaces") {
      auto names = parse_namespaces(value, kDrillForm);
      if (!names) return names.error();
      order.namespaces = std::move(*names);
    } else {
      return invalid_body(fmt::format("\"{}\" is not known", name), kDrillForm);
    }
  }
  return order;
}

Json drill_status_json(const DrillStatus& status) {
  const auto time = [](std::int64_t ms) { return ms == 0 ? Json(nullptr) : Json(iso8601(ms)); };
  Json body;
  body["state"] = to_string(status.state);
  body["id"] = status.id;
  body["scheduled"] = status.scheduled;
  body["startedAt"] = time(status.started_ms);
  body["finishedAt"] = time(status.finished_ms);
  body["error"] = status.error.empty() ? Json(nullptr) : Json(redact(status.error));
  body["report"] = status.report ? drill_report_json(*status.report) : Json(nullptr);
  return body;
}

}  // namespace dualsync
