// `dualsync verify`: compares the two servers from a process of its own.
#pragma once

#include "dualsync/cli/cli_hooks.h"
#include "dualsync/pipeline/recheck.h"

namespace dualsync {

// What the daemon that uses this data directory can say to a comparison: catch_up waits at most ten seconds. Without a
// daemon only what its queue keeps is known.
Result<RecheckOptions> ask_mirror(const Settings& settings);

Result<VerifyReport> run_verify(const Settings& settings, const VerifyRequest& request, const VerifyProgress& progress);

}  // namespace dualsync
