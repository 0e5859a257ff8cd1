// `dualsync verify`: compares the two servers from a process of its own.
#pragma once

#include "dualsync/cli/cli_hooks.h"

namespace dualsync {

Result<VerifyReport> run_verify(const Settings& settings, const VerifyRequest& request, const VerifyProgress& progress);

}  // namespace dualsync
