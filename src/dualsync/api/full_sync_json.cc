#include "dualsync/api/full_sync_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "dualsync/api/request_body.h"
#include "dualsync/base/time_text.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kFullSyncForm =
    R"(the body is {"namespaces": ["shop.bills", "log*"], "keepExtra": false}; both may be left out)";

Json time_or_null(std::int64_t ms) { return ms == 0 ? Json(nullptr) : Json(iso8601(ms)); }

}  // namespace

Result<FullSyncRequest> parse_full_sync_request(std::string_view body) {
  FullSyncRequest request;
  auto given = parse_request_body(body, kFullSyncForm);
  if (!given) return given.error();
  for (const auto& [name, value] : given->items()) {
    if (name == "keepExtra") {
      if (!value.is_boolean()) return invalid_body("keepExtra is neither true nor false", kFullSyncForm);
      request.keep_extra = value.get<bool>();
    } else if (name == "namespaces") {
      auto names = parse_namespaces(value, kFullSyncForm);
      if (!names) return names.error();
      request.namespaces = std::move(*names);
    } else {
      return invalid_body(fmt::format("\"{}\" is not known", name), kFullSyncForm);
    }
  }
  return request;
}

Json full_sync_json(const FullSyncStatus& status) {
  Json body;
  std::uint64_t total = 0;
  std::uint64_t done = 0;
  std::uint64_t repairs = 0;
  std::uint64_t kept = 0;
  Json parts = Json::array();
  for (const FullSyncPart& part : status.parts) {
    const std::uint64_t of = std::max(part.documents_total, part.documents_done);
    total += of;
    done += part.documents_done;
    repairs += part.repairs;
    kept += part.kept;
    parts.push_back({{"namespace", part.ns.full()},
                     {"state", to_string(part.state)},
                     {"documentsDone", part.documents_done},
                     {"documentsTotal", of},
                     {"repairs", part.repairs},
                     {"kept", part.kept}});
  }
  body["state"] = to_string(status.state);
  body["id"] = status.id;
  body["keepExtra"] = status.keep_extra;
  body["startedAt"] = time_or_null(status.started_ms);
  body["finishedAt"] = time_or_null(status.finished_ms);
  body["namespacesDone"] = status.parts_done();
  body["namespacesTotal"] = status.parts.size();
  body["documentsDone"] = done;
  body["documentsTotal"] = total;
  body["documentsPerSecond"] = status.documents_per_second;
  body["etaSeconds"] = status.eta_seconds ? Json(*status.eta_seconds) : Json(nullptr);
  body["repairs"] = repairs;
  body["kept"] = kept;
  body["namespaces"] = std::move(parts);
  return body;
}

}  // namespace dualsync
