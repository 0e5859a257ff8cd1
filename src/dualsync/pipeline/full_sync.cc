#include "dualsync/pipeline/full_sync.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dualsync/base/log.h"
#include "dualsync/base/mark.h"
#include "dualsync/base/planted.h"
#include "dualsync/base/waiting.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/model/archive_name.h"
#include "dualsync/pipeline/collection_binding.h"
#include "dualsync/pipeline/queue_keeper.h"
#include "dualsync/pipeline/range_compare.h"
#include "dualsync/pipeline/range_copy.h"
#include "dualsync/pipeline/refusal.h"
#include "dualsync/pipeline/schema_repair.h"
#include "dualsync/pipeline/scope_keeper.h"
#include "dualsync/pipeline/time_series_list.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kIdle{200};
constexpr std::chrono::seconds kOwedInterval{5};
constexpr std::size_t kRangesMax = 256;

}  // namespace

FullSync::FullSync(PipelineContext& context)
    : context_(context),
      job_(context.queue, context.clock),
      indexes_(context),
      backoff_(0x94d049bb133111ebULL),
      setbacks_(context.clock) {}

std::vector<OwedIndex> FullSync::owed_indexes() const {
  MutexLock lock(mutex_);
  return owed_;
}

CopyStatus FullSync::view() const {
  MutexLock lock(mutex_);
  CopyStatus status = status_;
  status.documents_done = documents_done_.load(std::memory_order_relaxed);
  return status;
}

Result<void> FullSync::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    const auto worked = step(stop, stop);
    if (worked) {
      if (*worked) {
        backoff_.reset();
      } else {
        sleep_for(kIdle, stop);
      }
      continue;
    }
    const Error& error = worked.error();
    if (error.kind == ErrorKind::kStopped && stop.stop_requested()) break;
    if (error.kind == ErrorKind::kCorruption) return error;
    if (error.kind == ErrorKind::kIo) DUALSYNC_TRY(outlast(error, context_.queue, stop));
    const auto delay = backoff_.next();
    log::warn("full-sync", "interrupted; goes on where it was",
              {{"error", error.message}, {"hint", error.hint}, {"retry_ms", delay.count()}});
    sleep_for(delay, stop);
  }
  return {};
}

Result<bool> FullSync::step(std::stop_token stop, std::stop_token drain) {
  drain_ = std::move(drain);
  retry_owed();
  DUALSYNC_TRY(job_.tend());
  std::vector<DirtyRange> ranges = context_.queue.dirty_ranges();
  // Nothing else goes on as long as the names of a first copy are not known: what is written by then would be taken for
  // somebody else's.
  const auto unknown = std::stable_partition(ranges.begin(), ranges.end(),
                                             [](const DirtyRange& range) { return range.ns.collection.empty(); });
  if (std::any_of(ranges.begin(), unknown, [](const DirtyRange& range) { return range.first_copy; }))
    ranges.erase(unknown, ranges.end());
  if (ranges.empty()) {
    counts_.clear();
    MutexLock lock(mutex_);
    status_ = {};
    documents_done_ = 0;
  }
  if (!context_.breaker.closed() || !context_.may_write()) return false;
  DUALSYNC_TRY(settle());
  setbacks_.leave_out(&ranges);
  if (ranges.empty()) return false;
  connect();
  auto worked = count_work(ranges);
  for (std::size_t i = 0; worked && i < ranges.size() && !stop.stop_requested() && !context_.paused(); ++i) {
    worked = repair(ranges[i], stop);
    if (worked) setbacks_.forget(ranges[i]);
    if (!worked && set_back(ranges[i], worked.error())) worked = {};
  }
  disconnect();
  if (!worked) return worked.error();
  return !std::exchange(postponed_, false);
}

// What a copy sent and nobody answered may still arrive: not before it is refused do the lanes get the namespace.
Result<void> FullSync::settle() {
  for (const auto& writer : unsettled_) DUALSYNC_TRY(writer->settle());
  unsettled_.clear();
  kept_hold_.reset();
  return {};
}

// What goes wrong with one namespace must not keep the others from the backup. True: they may go on.
bool FullSync::set_back(const DirtyRange& range, const Error& error) {
  if (!is_refusal(error) || !context_.breaker.closed() || !unsettled_.empty()) return false;
  const auto delay = setbacks_.note(range, error);
  postponed_ = true;
  log::warn(
      "full-sync", "a namespace cannot be repaired now; the others go on",
      {{"namespace", range.ns.full()}, {"error", error.message}, {"hint", error.hint}, {"retry_ms", delay.count()}});
  disconnect();  // a copy that broke off has taken the connections for itself
  connect();
  return true;
}

void FullSync::connect() {
  local_ = context_.local.make_reader();
  backup_ = context_.backup.make_reader();
  schema_ = context_.backup.make_schema_writer();
}

void FullSync::disconnect() {
  local_.reset();
  disconnect_backup();
}

void FullSync::disconnect_backup() {
  backup_.reset();
  schema_.reset();
}

Result<void> FullSync::count_work(const std::vector<DirtyRange>& ranges) {
  std::uint64_t documents = 0;
  for (const DirtyRange& range : ranges) {
    if (range.ns.collection.empty()) continue;
    if (const auto known = counts_.find(range.ns); known != counts_.end()) {
      documents += known->second;
      continue;
    }
    auto count = local_->estimated_count(range.ns);
    if (!count && count.error().kind == ErrorKind::kConnectivity) return count.error();
    if (count) documents += counts_[range.ns] = *count;
  }
  MutexLock lock(mutex_);
  if (!status_.running) documents_done_ = 0;
  status_.running = true;
  status_.namespaces_total = std::max<std::uint64_t>(status_.namespaces_total, status_.namespaces_done + ranges.size());
  status_.documents_total = std::max(status_.documents_total, documents);
  return {};
}

void FullSync::retry_owed() {
  if (context_.clock.now() < next_owed_) return;
  next_owed_ = context_.clock.now() + kOwedInterval;
  if (!context_.breaker.closed() || !context_.may_write()) return;
  auto left = indexes_.retry_owed();
  if (!left) return;
  MutexLock lock(mutex_);
  owed_ = std::move(*left);
}

// When local is looked at, its newest changes are not captured yet: a rename among them would make what was seen that
// of another collection.
Result<void> FullSync::looked(const DirtyRange& range, const std::string& uuid) {
  auto now = local_->cluster_time();
  if (!now) return now.error();
  DirtyRange done = range;
  done.progress = CopyProgress{uuid, {}, *now}.encode();
  postponed_ = true;
  return context_.queue.mark_dirty(done);
}

Result<void> FullSync::finish(const DirtyRange& range, const std::string& uuid) {
  DUALSYNC_TRY(CollectionBinding(context_.queue).bind(range.ns, uuid));
  DUALSYNC_MARK("repair-bound");
  DUALSYNC_TRY(context_.queue.finish_dirty(range));
  DUALSYNC_MARK("repair-finished");
  counts_.erase(range.ns);
  MutexLock lock(mutex_);
  ++status_.namespaces_done;
  log::info("full-sync", "namespace is done",
            {{"namespace", range.ns.full()}, {"done", status_.namespaces_done}, {"total", status_.namespaces_total}});
  return {};
}

Result<void> FullSync::repair(const DirtyRange& range, std::stop_token stop) {
  {
    MutexLock lock(mutex_);
    status_.current = range.ns.full();
  }
  if (range.ns.collection.empty()) return expand(range);
  const auto progress = CopyProgress::decode(range.progress);
  const bool looked = progress && !progress->looked_at.is_null();
  // In this order: a change from before the look that comes in between is seen.
  if (range.requested) {
    if (job_.cancelled().stop_requested()) return {};  // since the pass began
    job_.began(range.ns);
  }
  const bool too_early =
      looked && context_.queue.position().time < progress->looked_at && !planted(Bug::kLookCountsAtOnce);
  if (too_early || context_.queue.changes_first(range)) {
    // A rename takes the gap along to the new name, a drop settles it; repaired now, it would be undone by them.
    postponed_ = true;
    return {};
  }
  if (looked && !progress->uuid.empty()) return finish(range, progress->uuid);
  // What somebody asked for can be cancelled; then the range is gone, and so is the reason to go on.
  std::stop_source ended;
  const auto end = [&ended] { ended.request_stop(); };
  const std::stop_callback stopped(stop, end);
  const std::stop_callback cancelled(range.requested ? job_.cancelled() : std::stop_token(), end);
  auto repaired = repair_namespace(range, looked, ended.get_token());
  if (!repaired && repaired.error().kind == ErrorKind::kStopped && !stop.stop_requested() &&
      (ended.stop_requested() || context_.paused())) {
    disconnect();  // what broke off may have taken the connections for itself
    connect();
    return {};
  }
  return repaired ? repaired : repaired.error().in(range.ns.full());
}

Result<void> FullSync::repair_namespace(const DirtyRange& range, bool seen_missing, std::stop_token stop) {
  auto info = find_collection(*local_, range.ns);
  if (!info) return info.error();
  if (!*info) return repair_missing(range, seen_missing);
  if (context_.time_series != nullptr && (*info)->type != CollectionInfo::Type::kTimeseries)
    DUALSYNC_TRY(context_.time_series->forget(range.ns));
  switch ((*info)->type) {
    case CollectionInfo::Type::kCollection: return repair_collection(range, **info, stop);
    case CollectionInfo::Type::kView: return repair_view(range, **info);
    case CollectionInfo::Type::kTimeseries: return repair_time_series(range, **info, stop);
  }
  return {};
}

// Views are definitions.
Result<void> FullSync::repair_view(const DirtyRange& range, const CollectionInfo& info) {
  SchemaRepair repair(context_, indexes_, *backup_, *schema_);
  auto there = repair.prepare(info);
  if (there && *there) DUALSYNC_TRY(repair.finish(info, {}, range.keep_extra));
  return there ? finish(range, info.uuid) : there.error();
}

// Local has it no more, and it was not there either when capture was last caught up: no rename or drop in the queue
// will deal with it.
Result<void> FullSync::repair_missing(const DirtyRange& range, bool seen_missing) {
  if (range.keep_extra) return finish(range, "");
  if (!seen_missing) return looked(range, "");
  if (context_.time_series != nullptr) DUALSYNC_TRY(context_.time_series->forget(range.ns));
  DUALSYNC_TRY(SchemaRepair(context_, indexes_, *backup_, *schema_).remove(range.ns));
  return finish(range, "");
}

Result<void> FullSync::repair_collection(const DirtyRange& range, const CollectionInfo& info, std::stop_token stop) {
  const Namespace backup_ns = context_.scope.to_backup(range.ns);
  auto progress = CopyProgress::decode(range.progress);
  if (progress && (progress->ranges.empty() || progress->comparing)) progress.reset();
  {
    auto hold = std::make_unique<Hold>(context_.queue, range.ns);
    if (!context_.queue.wait_drained(range.ns, drain_))
      return context_.queue.trouble().value_or(Error{ErrorKind::kStopped, "stopped", "", 0});
    auto there = SchemaRepair(context_, indexes_, *backup_, *schema_).prepare(info);
    if (!there) return there.error();
    if (!*there) return looked(range, info.uuid);  // a dead letter says so; nothing of it can be copied
    auto empty = backup_->is_empty(backup_ns);
    if (!empty) return empty.error();
    if (*empty) progress.reset();
    if (progress && progress->uuid != info.uuid) progress.reset();  // another collection of the same name
    if (*empty || progress) {
      if (!progress) {
        auto planned = plan_ranges(*local_, range.ns, kRangesMax);
        if (!planned) return planned.error();
        progress = *planned;
        progress->uuid = info.uuid;
      }
      auto copied = copy(range, info, std::move(*progress), stop);
      if (!unsettled_.empty()) kept_hold_ = std::move(hold);
      return copied;
    }
  }
  return compare(range, info, stop);
}

Result<void> FullSync::copy(const DirtyRange& range, const CollectionInfo& info, CopyProgress progress,
                            std::stop_token stop) {
  DirtyRange working = range;
  // Half a copy is a gap, whoever asked for it.
  working.requested = working.keep_extra = false;
  working.progress = progress.encode();
  DUALSYNC_TRY(context_.queue.mark_dirty(working));
  DUALSYNC_TRY(CollectionBinding(context_.queue).bind(range.ns, info.uuid));
  log::info("full-sync", "copying",
            {{"namespace", range.ns.full()}, {"reason", range.reason}, {"ranges", progress.ranges.size()}});
  DUALSYNC_MARK("copy-planned");
  RangeCopy copy(context_, working, std::move(progress), documents_done_);
  disconnect();  // the readers and writers of the copy take their place
  const std::uint64_t before = documents_done_.load(std::memory_order_relaxed);
  auto copied = copy.run(stop);
  unsettled_ = copy.take_unsettled();
  const std::uint64_t sent = documents_done_.load(std::memory_order_relaxed) - before;
  job_.advanced(range.ns, {sent, 0, sent, 0});
  DUALSYNC_TRY(std::move(copied));
  DUALSYNC_MARK("copy-sent");
  connect();
  DUALSYNC_TRY(finish_schema(range, info));
  DUALSYNC_MARK("copy-indexed");
  auto still = find_collection(*local_, range.ns);
  if (!still) return still.error();
  if (!*still || (*still)->uuid != info.uuid) {
    // Dropped or renamed while it was copied: stays dirty, so that what the queue holds about it is followed by a look.
    log::warn("full-sync", "the collection went away while it was copied", {{"namespace", range.ns.full()}});
    working.progress.clear();
    return context_.queue.mark_dirty(working);
  }
  return looked(working, info.uuid);
}

Result<void> FullSync::finish_schema(const DirtyRange& range, const CollectionInfo& info) {
  auto wanted = local_->list_indexes(range.ns);
  if (!wanted) return wanted.error();
  return SchemaRepair(context_, indexes_, *backup_, *schema_).finish(info, *wanted, range.keep_extra);
}

Result<void> FullSync::compare(const DirtyRange& range, const CollectionInfo& info, std::stop_token stop) {
  log::info("full-sync", "comparing and repairing", {{"namespace", range.ns.full()}, {"reason", range.reason}});
  DUALSYNC_TRY(finish_schema(range, info));
  auto progress = CopyProgress::decode(range.progress);
  if (!progress || !progress->comparing || progress->uuid != info.uuid) {
    auto planned = plan_ranges(*local_, range.ns, kRangesMax);
    if (!planned) return planned.error();
    progress = *planned;
    progress->uuid = info.uuid;
    progress->comparing = true;
  }
  RangeCompare comparison(context_, range, std::move(*progress));
  auto counts = comparison.run(*local_, *backup_, stop, [&](const RepairCounts& since) {
    documents_done_.fetch_add(since.local, std::memory_order_relaxed);
    if (range.requested) job_.advanced(range.ns, since);
  });
  if (!counts) return counts.error();
  DUALSYNC_MARK("repair-compared");
  log::info("full-sync", "compared",
            {{"namespace", range.ns.full()},
             {"local_documents", counts->local},
             {"backup_documents", counts->backup},
             {"repairs", counts->repairs}});
  return looked(comparison.range(), info.uuid);
}

}  // namespace dualsync
