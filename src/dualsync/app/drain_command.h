// `dualsync drain --without-local`: local is lost; what the queue holds whole still goes to the backup.
#pragma once

#include "dualsync/cli/cli_hooks.h"

namespace dualsync {

// Ends when a while passes in which nothing more can be sent, on SIGINT and the like, or when the backup is away.
// kConflict: a daemon owns the data directory, or another one the backup. kNotFound: the queue knows of no local.
// kConnectivity: the backup does not answer.
Result<DrainReport> run_drain(const Settings& settings, const VerifyProgress& progress);

}  // namespace dualsync
