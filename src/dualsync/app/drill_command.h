// `dualsync drill`.
#pragma once

#include "dualsync/cli/cli_hooks.h"

namespace dualsync {

// Ends early, with the scratch databases dropped, on SIGINT, SIGTERM and SIGHUP.
Result<DrillReport> run_drill(const Settings& settings, const DrillRequest& request, const VerifyProgress& progress);

}  // namespace dualsync
