// Rules across settings, and what is allowed but worth a warning.
//
// Errors   kInvalidArgument naming both settings
// Threads  pure; any
#pragma once

#include "dualsync/config/settings.h"

namespace dualsync {

// Adds to settings->warnings.
Result<void> check_settings(Settings* settings);

}  // namespace dualsync
