// FullSync: time series collections.
#include <algorithm>

#include "dualsync/base/log.h"
#include "dualsync/codec/measurement.h"
#include "dualsync/pipeline/full_sync.h"
#include "dualsync/pipeline/schema_repair.h"
#include "dualsync/pipeline/time_series_copy.h"
#include "dualsync/pipeline/time_series_list.h"

namespace dualsync {
namespace {

// Whether as many measurements may go from the backup without a person's word. As for documents: not the most of a
// collection at once.
bool may_remove(const PipelineOptions& options, const TimeSeriesCounts& counts) {
  const auto percent = static_cast<std::uint64_t>(std::max(options.mass_delete_percent, 0));
  if (percent == 0 || counts.target < static_cast<std::uint64_t>(DeleteGuard::kDocumentsMin)) return true;
  return counts.foreign * 100 <= counts.target * percent;
}

}  // namespace

// Nothing of it comes by the stream, so nothing is held back for it. It is not looked at again when capture has caught
// up: what was written since is for the next comparison.
Result<void> FullSync::repair_time_series(DirtyRange range, const CollectionInfo& info, std::stop_token stop) {
  if (context_.time_series != nullptr) DUALSYNC_TRY(context_.time_series->add(range.ns));
  auto hold = std::make_unique<Hold>(context_.queue, range.ns);
  if (!context_.queue.wait_drained(range.ns, drain_))
    return context_.queue.trouble().value_or(Error{ErrorKind::kStopped, "stopped", "", 0});
  // A server that tells of measurements marks it again and again: what is marked by now was written before it is read.
  const auto marked = context_.queue.dirty_range(range.ns);
  if (!marked || context_.queue.changes_first(*marked)) {
    postponed_ = true;
    return {};
  }
  range = *marked;
  const std::int64_t began_ms = context_.clock.unix_ms();
  auto there = SchemaRepair(context_, indexes_, *backup_, *schema_).prepare(info);
  if (!there) return there.error();
  if (!*there) return finish(range, info.uuid);  // a dead letter says so
  DUALSYNC_TRY(finish_schema(range, info));
  auto writer = context_.backup.make_writer();
  disconnect_backup();  // the writer takes its place
  auto counts = equalise(range, info, *writer, stop);
  context_.counters.bytes_sent.fetch_add(writer->bytes_sent(), std::memory_order_relaxed);
  if (!writer->settled()) {
    unsettled_.push_back(std::move(writer));
    kept_hold_ = std::move(hold);
  }
  if (!counts) return counts.error();
  writer.reset();
  connect();
  // A gap stays one as long as the backup lacks something of it. Where there was none, the comparison that asked for
  // this says what differs.
  if (counts->lacking && range.gap_start != DirtyRange::kNoGap) return *counts->lacking;
  if (context_.time_series != nullptr && !counts->lacking)
    DUALSYNC_TRY(context_.time_series->mirrored({range.ns, began_ms, counts->source}));
  return finish(range, info.uuid);
}

Result<TimeSeriesCounts> FullSync::equalise(const DirtyRange& range, const CollectionInfo& info, BackupWriter& writer,
                                            std::stop_token stop) {
  const auto before_page = [&](std::size_t measurements, std::size_t bytes) -> Result<void> {
    if (context_.limiter != nullptr) {
      context_.limiter->wait(stop);
      context_.limiter->spend(measurements, bytes);
    }
    if (stop.stop_requested() || context_.paused()) return Error{ErrorKind::kStopped, "stopped", "", 0};
    return {};
  };
  CompareCounts last;
  const auto walked = [&](const CompareCounts& now) {
    documents_done_.fetch_add(now.local - last.local, std::memory_order_relaxed);
    last = now;
  };
  using Foreign = TimeSeriesCopy::Foreign;
  TimeSeriesCopy copy({range.ns, context_.scope.to_backup(range.ns), time_field_of(info.options)}, before_page);
  auto counts = copy.pass(*local_, writer, Foreign::kKeep, stop, walked);
  if (!counts) return counts;
  TimeSeriesCounts sum = *counts;
  if (counts->foreign > 0 && !range.keep_extra) {
    if (!range.requested && !may_remove(context_.options, *counts)) {
      log::warn("full-sync", "most of a time series is only on the backup; it stays there",
                {{"namespace", range.ns.full()},
                 {"measurements", counts->foreign},
                 {"hint", "`dualsync full-sync " + range.ns.full() + "` removes what local does not have"}});
    } else {
      counts = copy.pass(*local_, writer, Foreign::kRemove, stop, [](const CompareCounts&) {});
      if (!counts) return counts;
      sum.written += counts->written;
      sum.removed = counts->removed;
      if (counts->refusal) sum.refusal = counts->refusal;
      if (counts->lacking) sum.lacking = counts->lacking;
    }
  }
  if (range.requested) {
    const std::uint64_t kept = range.keep_extra ? sum.foreign : 0;
    job_.advanced(range.ns, {sum.source, sum.target, sum.written + sum.removed, kept});
  }
  log::info("full-sync", "time series compared",
            {{"namespace", range.ns.full()},
             {"measurements", sum.source},
             {"sent", sum.written},
             {"removed", sum.removed},
             {"only_on_backup", sum.foreign - sum.removed}});
  if (sum.refusal) {
    log::error("full-sync", "the backup refuses measurements of a time series",
               {{"namespace", range.ns.full()}, {"error", sum.refusal->message}, {"code", sum.refusal->code}});
  }
  return sum;
}

}  // namespace dualsync
