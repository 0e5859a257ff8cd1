// One drill, with connections of its own: for `dualsync drill` and for the schedule.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "dualsync/config/settings.h"
#include "dualsync/model/drill_status.h"
#include "dualsync/model/full_sync.h"
#include "dualsync/pipeline/drill.h"
#include "dualsync/pipeline/recheck.h"

namespace dualsync {

// Restores into scratch databases on the server `to` (a URI; empty: local), compares, drops them. `recheck`: what the
// mirror can be asked. A success of everything is kept as a proof. kConflict: another drill runs.
Result<DrillReport> drill_once(const Settings& settings, const DrillOrder& order, const std::string& to,
                               const RecheckOptions& recheck, std::stop_token stop,
                               const std::function<void(const CopyStatus&)>& progress);

}  // namespace dualsync
