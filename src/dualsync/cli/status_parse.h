// The body of GET /api/sync/status -> Status, so that the command line shows the daemon's own picture.
//
// Errors   kInvalidArgument: a member is missing or of another type (a daemon of another version)
// Threads  pure; any
#pragma once

#include <nlohmann/json.hpp>

#include "dualsync/base/result.h"
#include "dualsync/model/status.h"

namespace dualsync {

// Leaves out what the command line does not show (times of day but for the last synced operation).
Result<Status> parse_status(const nlohmann::ordered_json& body);

// {"t", "i"} or null.
OpTime parse_op_time(const nlohmann::ordered_json& value);

}  // namespace dualsync
