// `dualsync adopt-local`: the next start takes local as right, whatever the queue and the backup knew of another.
#pragma once

#include "dualsync/cli/cli_hooks.h"

namespace dualsync {

// kConflict: a daemon owns the data directory. Without `confirmed` nothing is changed.
Result<AdoptReport> run_adopt(const Settings& settings, bool confirmed);

}  // namespace dualsync
