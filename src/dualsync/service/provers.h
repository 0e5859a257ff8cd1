// Builds what proves the backup beside a running mirror: what its comparisons and drills ask, and with what they
// connect.
#pragma once

#include "dualsync/config/settings.h"
#include "dualsync/pipeline/canary.h"
#include "dualsync/pipeline/drill_schedule.h"
#include "dualsync/pipeline/mirror.h"
#include "dualsync/pipeline/reconciler.h"
#include "dualsync/pipeline/verify_service.h"
#include "dualsync/service/guards.h"

namespace dualsync {

// All arguments must outlive the result.
DrillHooks drill_hooks(const Settings& settings, Mirror& mirror);
VerifyHooks verify_hooks(const Settings& settings, Mirror& mirror, const Guards& guards);
ReconcileHooks reconcile_hooks(Mirror& mirror);
CanaryHooks canary_hooks(const Sides& sides, Mirror& mirror, const Guards& guards);

// PipelineOptions::canary_key. Empty if the canary is off, or if the stream is one database's and cannot carry it.
std::string canary_key(const Settings& settings, const Sides& sides, const Guards& guards);

}  // namespace dualsync
