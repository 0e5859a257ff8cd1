// The JSON of `/api/sync/full-sync`: a contract, documented in docs/cli.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "dualsync/base/result.h"
#include "dualsync/model/full_sync.h"

namespace dualsync {

// {"namespaces": ["shop.bills", "log*"], "keepExtra": false}; both may be left out, and so may the whole body.
// kInvalidArgument names what is wrong and what is allowed.
Result<FullSyncRequest> parse_full_sync_request(std::string_view body);

nlohmann::ordered_json full_sync_json(const FullSyncStatus& status);

}  // namespace dualsync
