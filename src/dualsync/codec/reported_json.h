// The body of POST /api/sync/operations.
//
// Shape    {"operations": [{"collection": "shop.bills", "filter": {"_id": ...}}],
//           "dirtyRanges": [{"collection": "shop.bills"} or {"collection": "shop"}]}, values in Extended JSON (or
//          `filterBson`, see JsonEntry); either list may be left out
// Errors   kInvalidArgument: names the first entry that is wrong, and what is wrong with it
// Threads  pure function
#pragma once

#include <string_view>

#include "dualsync/base/result.h"
#include "dualsync/model/reported.h"

namespace dualsync {

inline constexpr std::size_t kReportedMax = 10'000;  // entries of one body

Result<ReportedChanges> parse_reported(std::string_view body);

}  // namespace dualsync
