// The JSON of `/api/sync/verify`: a contract, documented in docs/cli.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "dualsync/base/result.h"
#include "dualsync/model/verify_status.h"

namespace dualsync {

// {"namespaces": ["shop.bills", "log*"], "repair": false}; both may be left out, and so may the whole body.
// kInvalidArgument names what is wrong and what is allowed.
Result<VerifyOrder> parse_verify_order(std::string_view body);

nlohmann::ordered_json verify_status_json(const VerifyStatus& status);

}  // namespace dualsync
