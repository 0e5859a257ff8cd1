// `dualsync doctor`: looks at both servers, the data directory and the daemon, and lets doctor/ judge.
#pragma once

#include "dualsync/cli/cli_hooks.h"

namespace dualsync {

// Writes nothing anywhere. Every look ends within a few times --connect-timeout; both servers are looked at side by
// side.
DoctorReport run_doctor(const Settings& settings);

}  // namespace dualsync
