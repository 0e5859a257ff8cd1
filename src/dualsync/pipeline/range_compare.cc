#include "dualsync/pipeline/range_compare.h"

#include <algorithm>

#include "dualsync/base/waiting.h"
#include "dualsync/codec/document_key.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kCrowded{20};
constexpr std::size_t kTouchesPerAppend = 500;
constexpr OpTime kBeforeEverything{0, 1};

}  // namespace

Result<RepairCounts> RangeCompare::run(DocumentReader& local, DocumentReader& backup, std::stop_token stop,
                                       const Progress& report) {
  for (CopyRange& part : progress_.ranges) {
    if (part.done) continue;
    DUALSYNC_TRY(compare(&part, local, backup, stop, report));
    part.done = true;
    range_.progress = progress_.encode();
    DUALSYNC_TRY(context_.queue.mark_dirty(range_));
  }
  return counts_;
}

Result<void> RangeCompare::compare(CopyRange* part, DocumentReader& local, DocumentReader& backup, std::stop_token stop,
                                   const Progress& report) {
  RepairCounts reported = counts_;
  const RepairCounts before = counts_;
  const auto walked = [&](const CompareCounts& now) {
    counts_.local = before.local + now.local;
    counts_.backup = before.backup + now.backup;
    report({counts_.local - reported.local, counts_.backup - reported.backup, counts_.repairs - reported.repairs,
            counts_.kept - reported.kept});
    reported = counts_;
  };
  const Namespace backup_ns = context_.scope.to_backup(range_.ns);
  auto compared = compare_namespace(
      local, range_.ns, backup, backup_ns, part->bounds, stop,
      [&](const FoundDifference& difference) { return found(difference, stop); }, walked);
  if (!compared) return compared.error();
  return enqueue(stop);
}

Result<void> RangeCompare::found(const FoundDifference& difference, std::stop_token stop) {
  if (difference.local.empty() && range_.keep_extra) {
    ++counts_.kept;
    return {};
  }
  const std::string backup_key = difference.backup.empty() ? "" : id_key_of(difference.backup);
  const std::string key = difference.local.empty() ? backup_key : id_key_of(difference.local);
  auto excepted = context_.queue.is_withheld(range_.ns, key);  // the guard keeps it as it is
  if (!excepted) return excepted.error();
  if (*excepted) return {};
  if (difference.local.empty() && !range_.other_collection) ++foreign_;
  const bool rekey = !backup_key.empty() && key != backup_key;
  keys_.emplace_back(key, rekey ? kFlagRekey : std::uint16_t{0});
  ++counts_.repairs;
  return keys_.size() >= kTouchesPerAppend ? enqueue(stop) : Result<void>();
}

Result<void> RangeCompare::enqueue(std::stop_token stop) {
  if (keys_.empty()) return {};
  while (context_.queue.crowded() && !stop.stop_requested()) sleep_for(kCrowded, stop);
  AppendBatch batch;
  const OpTime now = context_.queue.position().time;
  for (const auto& [key, flags] : keys_) {
    OperationView op;
    op.kind = OpKind::kTouch;
    op.flags = flags;
    op.db = range_.ns.db;
    op.collection = range_.ns.collection;
    op.document_key = key;
    // As old as the gap, so that the applied position stands still until it is repaired.
    op.first_time = range_.gap_start.is_null() ? kBeforeEverything : std::min(range_.gap_start, now);
    op.last_time = now;
    op.enqueued_ms = context_.clock.unix_ms();
    batch.operations.push_back(op);
  }
  if (context_.delete_guard != nullptr) DUALSYNC_TRY(context_.delete_guard->note_foreign(range_.ns, now, foreign_));
  auto appended = context_.queue.append(batch);
  keys_.clear();
  foreign_ = 0;
  return appended;
}

}  // namespace dualsync
