#include "dualsync/middleware/stop_mark.h"

namespace dualsync {

Result<bool> StopMark::set() {
  const auto left = queue_.get_state(kStateMiddlewareRuns);
  if (!left) return left.error();
  const bool stands = *left && !(*left)->empty();
  if (stands) return true;
  DUALSYNC_TRY(queue_.put_state(kStateMiddlewareRuns, "1"));
  DUALSYNC_TRY(queue_.sync());
  return false;
}

Result<void> StopMark::clear() {
  DUALSYNC_TRY(queue_.put_state(kStateMiddlewareRuns, ""));
  return queue_.sync();
}

}  // namespace dualsync
