#include "dualsync/service/switched_off.h"

#include "dualsync/base/clock.h"
#include "dualsync/observe/health.h"
#include "dualsync/observe/history.h"
#include "dualsync/observe/mirror_metrics.h"

namespace dualsync {

Status SwitchedOff::status() const {
  Status status;
  status.capture = CaptureState::kDisabled;
  derive_health({}, &status);
  return status;
}

DayReport SwitchedOff::report() const { return day_report({}, status(), system_clock().unix_ms()); }

std::string SwitchedOff::prometheus_text() const { return MirrorMetrics().text(status()); }

Error SwitchedOff::off() {
  return {ErrorKind::kUnsupported, "the mirror is switched off", "set SYNC_ENABLED=true and start dualsync again", 0};
}

}  // namespace dualsync
