#include "dualsync/pipeline/pause.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace dualsync {

Result<void> Pause::load() {
  const auto kept = queue_.get_state(kStatePaused);
  if (!kept) return kept.error();
  if (!*kept) return {};
  std::int64_t since = 0;
  std::from_chars((*kept)->data(), (*kept)->data() + (*kept)->size(), since);
  since_ms_ = since > 0 ? since : clock_.unix_ms();  // whatever it says, somebody paused
  return {};
}

Result<bool> Pause::begin() {
  if (active()) return false;
  const std::int64_t now = std::max<std::int64_t>(clock_.unix_ms(), 1);
  DUALSYNC_TRY(queue_.put_state(kStatePaused, std::to_string(now)));
  since_ms_ = now;
  return true;
}

Result<bool> Pause::end() {
  if (!active()) return false;
  DUALSYNC_TRY(queue_.put_state(kStatePaused, ""));
  since_ms_ = 0;
  return true;
}

std::optional<std::int64_t> Pause::since_ms() const {
  const std::int64_t since = since_ms_;
  return since == 0 ? std::nullopt : std::optional<std::int64_t>(since);
}

}  // namespace dualsync
