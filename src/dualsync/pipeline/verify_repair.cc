#include "dualsync/pipeline/verify_repair.h"

#include <algorithm>

#include "dualsync/base/waiting.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kPoll{50};
constexpr std::string_view kReason = "verify found differences";
constexpr std::string_view kTimeSeriesReason = "time series are mirrored by comparing";

// The `_id`s are equal to MongoDB, but of other bytes: a replace would leave those of the backup.
bool of_another_id(const Difference& difference) {
  return difference.path == "_id" || std::string_view(difference.path).starts_with("_id.");
}

}  // namespace

Result<bool> VerifyRepair::enqueue(const NamespaceReport& report) {
  if (report.equal() || report.only_on_backup) return false;
  if (report.time_series) {
    // That much was written since it was last mirrored: it is as it should be, no gap.
    DUALSYNC_TRY(
        context_.queue.mark_dirty({report.ns, std::string(kTimeSeriesReason), DirtyRange::kNoGap, false, "", 0}));
    namespaces_.insert(report.ns);
    return true;
  }
  if (report.schema.empty() && report.difference_count == report.differences.size()) {
    DUALSYNC_TRY(touch(report));
  } else {
    // Every write from now on waits for it, so that `wait` says what a reader of the backup will find.
    DUALSYNC_TRY(
        context_.queue.mark_dirty({report.ns, std::string(kReason), context_.queue.position().time, false, "", 0}));
  }
  namespaces_.insert(report.ns);
  context_.counters.conflicts.fetch_add(report.difference_count, std::memory_order_relaxed);
  return true;
}

Result<void> VerifyRepair::touch(const NamespaceReport& report) {
  AppendBatch batch;
  const OpTime now = context_.queue.position().time;
  for (const Difference& difference : report.differences) {
    OperationView op;
    op.kind = OpKind::kTouch;
    op.flags = of_another_id(difference) ? kFlagRekey : std::uint16_t{0};
    op.db = report.ns.db;
    op.collection = report.ns.collection;
    op.document_key = difference.document_key;
    op.first_time = op.last_time = now;
    op.enqueued_ms = context_.clock.unix_ms();
    batch.operations.push_back(op);
  }
  return context_.queue.append(batch);
}

Result<void> VerifyRepair::may_wait_for(const std::vector<DirtyRange>& waiting) const {
  for (const RefusedRepair& one : refused_()) {
    const bool ours =
        std::any_of(waiting.begin(), waiting.end(), [&](const DirtyRange& range) { return range.ns == one.ns; });
    if (!ours) continue;
    return Error{ErrorKind::kRefused, one.ns.full() + " cannot be repaired: " + one.cause,
                 "it is tried again every minute; end what the message complains of, then verify again", 0};
  }
  return {};
}

Result<void> VerifyRepair::wait(const std::stop_token& stop) {
  const std::uint64_t asked = context_.queue.newest_gap();
  std::optional<OpTime> until;  // once this is settled, so are the touches, also those that full sync has made
  for (;; sleep_for(kPoll, stop)) {
    if (stop.stop_requested()) return Error{ErrorKind::kStopped, "comparison stopped", "", 0};
    if (const auto trouble = context_.queue.trouble()) return *trouble;
    if (!context_.breaker.closed() || !context_.may_write()) {
      return Error{ErrorKind::kConnectivity,
                   "the backup went offline, or applying was paused, before everything was repaired",
                   "the repair waits in the queue; it is compared again later", 0};
    }
    std::vector<DirtyRange> waiting = context_.queue.dirty_ranges();
    std::erase_if(waiting,
                  [&](const DirtyRange& range) { return !namespaces_.contains(range.ns) || range.since > asked; });
    if (!waiting.empty()) {
      DUALSYNC_TRY(may_wait_for(waiting));
      continue;
    }
    if (!until) until = context_.queue.position().time;
    if (context_.queue.settled_position() >= *until) return {};
  }
}

}  // namespace dualsync
