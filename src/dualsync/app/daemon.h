// `dualsync run`: builds everything in order, waits for a signal, takes it down in reverse.
#pragma once

#include "dualsync/config/settings.h"

namespace dualsync {

// Returns the exit code (cli/exit_codes.h).
int run_daemon(const Settings& settings);

}  // namespace dualsync
