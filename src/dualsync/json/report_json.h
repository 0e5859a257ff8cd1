// DayReport -> the body of GET /api/sync/report: a contract, docs/cli.md.
#pragma once

#include <nlohmann/json.hpp>

#include "dualsync/model/day_report.h"

namespace dualsync {

nlohmann::ordered_json day_report_json(const DayReport& report, const Status& now);

}  // namespace dualsync
