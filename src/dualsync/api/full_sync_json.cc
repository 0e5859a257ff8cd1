#include "dualsync/api/full_sync_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "dualsync/base/time_text.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kNamespacesMax = 1000;

Error invalid(const std::string& what) {
  return {ErrorKind::kInvalidArgument, what,
          R"(the body is {"namespaces": ["shop.bills", "log*"], "keepExtra": false}; both may be left out)", 0};
}

Json time_or_null(std::int64_t ms) { return ms == 0 ? Json(nullptr) : Json(iso8601(ms)); }

}  // namespace

Result<FullSyncRequest> parse_full_sync_request(std::string_view body) {
  FullSyncRequest request;
  if (body.empty()) return request;
  const Json given = Json::parse(body, nullptr, false);
  if (given.is_discarded()) return invalid("the body is not JSON");
  if (!given.is_object()) return invalid("the body is not a JSON object");
  for (const auto& [name, value] : given.items()) {
    if (name == "keepExtra") {
      if (!value.is_boolean()) return invalid("keepExtra is neither true nor false");
      request.keep_extra = value.get<bool>();
    } else if (name == "namespaces") {
      if (!value.is_array()) return invalid("namespaces is not a list");
      if (value.size() > kNamespacesMax)
        return invalid(fmt::format("namespaces has more than {} names", kNamespacesMax));
      for (const Json& one : value) {
        if (!one.is_string() || one.get_ref<const std::string&>().empty())
          return invalid("namespaces holds something other than names");
        request.namespaces.push_back(one.get<std::string>());
      }
    } else {
      return invalid(fmt::format("\"{}\" is not known", name));
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
