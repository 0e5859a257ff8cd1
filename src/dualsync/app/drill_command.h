// `dualsync drill`, and the same drill for the daemon's schedule.
#pragma once

#include <functional>
#include <stop_token>

#include "dualsync/cli/cli_hooks.h"
#include "dualsync/pipeline/recheck.h"

namespace dualsync {

// Ends early, with the scratch databases dropped, on SIGINT, SIGTERM and SIGHUP.
Result<DrillReport> run_drill(const Settings& settings, const DrillRequest& request, const VerifyProgress& progress);

// With connections of its own. `recheck`: what the mirror can be asked. A success of everything is kept as a proof.
Result<DrillReport> drill_once(const Settings& settings, const DrillRequest& request, const RecheckOptions& recheck,
                               std::stop_token stop, const VerifyProgress& progress);

}  // namespace dualsync
