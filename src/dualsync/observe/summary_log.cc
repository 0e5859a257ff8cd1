#include "dualsync/observe/summary_log.h"

#include <algorithm>

#include "dualsync/base/log.h"
#include "dualsync/observe/risen.h"

namespace dualsync {

std::optional<Summary> SummaryLog::look(const Status& status, std::int64_t now_ms) {
  if (!last_) {
    last_ = status;
    last_ms_ = now_ms;
    return std::nullopt;
  }
  if (now_ms < last_ms_) last_ms_ = now_ms;  // the clock was set back
  if (now_ms - last_ms_ < std::chrono::milliseconds(kInterval).count()) return std::nullopt;
  Summary summary;
  summary.captured = risen(last_->total_operations, status.total_operations);
  summary.synced = risen(last_->successful_syncs, status.successful_syncs);
  summary.refused = risen(last_->failed_syncs, status.failed_syncs);
  summary.merged = risen(last_->coalesced_operations, status.coalesced_operations);
  summary.bytes_sent = risen(last_->bytes_sent, status.bytes_sent);
  summary.waiting = status.queue_size;
  summary.rpo_seconds = status.rpo_seconds;
  last_ = status;
  last_ms_ = now_ms;
  if (summary.captured + summary.synced + summary.refused + summary.waiting == 0) return std::nullopt;
  log::info("worker", "summary",
            {{"captured", summary.captured},
             {"synced", summary.synced},
             {"refused", summary.refused},
             {"merged", summary.merged},
             {"sent_bytes", summary.bytes_sent},
             {"waiting", summary.waiting},
             {"rpo_seconds", summary.rpo_seconds}});
  return summary;
}

}  // namespace dualsync
