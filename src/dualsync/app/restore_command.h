// `dualsync restore`: the backup to local or to any other MongoDB, from a process of its own.
#pragma once

#include "dualsync/cli/cli_hooks.h"

namespace dualsync {

Result<RestoreReport> run_restore(const Settings& settings, const RestoreRequest& request,
                                  const VerifyProgress& progress);

}  // namespace dualsync
