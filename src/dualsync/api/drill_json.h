// The JSON of `/api/sync/drill`: a contract, documented in docs/cli.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "dualsync/base/result.h"
#include "dualsync/model/drill_status.h"

namespace dualsync {

// {"namespaces": ["shop.bills", "log*"], "compareLocal": "auto"}; both may be left out, and so may the whole body.
// kInvalidArgument names what is wrong and what is allowed.
Result<DrillOrder> parse_drill_order(std::string_view body);

nlohmann::ordered_json drill_status_json(const DrillStatus& status);

}  // namespace dualsync
