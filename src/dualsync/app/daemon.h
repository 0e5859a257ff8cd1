// `dualsync run`: builds everything in order, waits for a signal, takes it down in reverse.
#pragma once

#include <functional>

#include "dualsync/base/result.h"
#include "dualsync/config/settings.h"

namespace dualsync {

// Returns the exit code (cli/exit_codes.h). `again` reads the settings from where they came from; called on SIGHUP.
int run_daemon(const Settings& settings, const std::function<Result<Settings>()>& again);

}  // namespace dualsync
