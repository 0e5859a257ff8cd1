// Builds what proves the backup beside a running mirror: what its comparisons and drills ask, and with what they
// connect.
#pragma once

#include "dualsync/app/guards.h"
#include "dualsync/config/settings.h"
#include "dualsync/pipeline/drill_schedule.h"
#include "dualsync/pipeline/mirror.h"
#include "dualsync/pipeline/verify_service.h"

namespace dualsync {

// All arguments must outlive the result.
DrillHooks drill_hooks(const Settings& settings, Mirror& mirror);
VerifyHooks verify_hooks(const Settings& settings, Mirror& mirror, const Guards& guards);

}  // namespace dualsync
