// `dualsync drill`, and the same drill for the daemon's schedule.
#pragma once

#include <functional>
#include <stop_token>

#include "dualsync/cli/cli_hooks.h"

namespace dualsync {

// Ends early, with the scratch databases dropped, on SIGINT, SIGTERM and SIGHUP.
Result<DrillReport> run_drill(const Settings& settings, const DrillRequest& request, const VerifyProgress& progress);

// With connections of its own. `catch_up` as RecheckOptions has it. A success of everything is kept as a proof.
Result<DrillReport> drill_once(const Settings& settings, const DrillRequest& request,
                               const std::function<Result<bool>(std::stop_token)>& catch_up, std::stop_token stop,
                               const VerifyProgress& progress);

}  // namespace dualsync
