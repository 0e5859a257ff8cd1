// What append() gives up when the queue is over its bounds, a bounded piece of work at a time.
#include <rocksdb/experimental.h>

#include <algorithm>

#include "dualsync/base/log.h"
#include "dualsync/base/mark.h"
#include "dualsync/codec/operation_codec.h"
#include "dualsync/queue/queue_impl.h"

namespace dualsync {
namespace {

constexpr std::size_t kScanned = 4000;  // records that one append() looks at, at least
constexpr const char* kCompactSoon = "2";
constexpr const char* kCompactUsually = "8";  // as RocksStore opens it

}  // namespace

Result<void> SyncQueue::Impl::relieve(std::size_t appended) {
  if (!policy.bounded()) return {};
  std::optional<std::uint64_t> free;
  if (policy.watches_disk()) free = options.free_bytes ? options.free_bytes() : disk_free_bytes(options.directory);
  const auto decide = [&]() DUALSYNC_REQUIRES(mutex) {
    return policy.decide(counters.bytes, free, overflow.scan < counters.next_seq, options.clock->now());
  };
  auto step = decide();
  if (policy.active() != overflow.announced) overflow_changed(free);
  // Faster than new operations come in.
  const std::size_t records = kScanned + 4 * appended;
  if (overflow.victim || step != OverflowPolicy::Step::kNone) DUALSYNC_TRY(settle_changes());
  if (overflow.victim) return drop_range_part(records);
  if (step == OverflowPolicy::Step::kPayloads) {
    DUALSYNC_TRY(drop_payloads(records));
    if (overflow.scan < counters.next_seq) return {};
    step = decide();
  }
  return step == OverflowPolicy::Step::kRange && choose_victim() ? drop_range_part(records) : Result<void>();
}

void SyncQueue::Impl::overflow_changed(std::optional<std::uint64_t> free) {
  const bool active = policy.active();
  overflow.announced = active;
  if (active) {
    log::warn("queue", "over its bounds: payloads are dropped, then whole namespaces; documents are read again later",
              {{"operations", counters.operations},
               {"bytes", counters.bytes},
               {"bytes_max", options.bounds.bytes_max},
               {"disk_free", free.value_or(0)},
               {"disk_reserve", options.bounds.disk_reserve}});
  } else {
    log::info("queue", "within its bounds again",
              {{"operations", counters.operations},
               {"bytes", counters.bytes},
               {"payloads_dropped", counters.payloads_dropped},
               {"ranges_dropped", counters.ranges_dropped}});
    overflow.scan = 0;
    overflow.sizes.clear();
  }
  // What was dropped takes space until it is compacted away.
  for (rocksdb::ColumnFamilyHandle* family : {store->operations(), store->chunks()}) {
    ignore_error(rocks_result(store->db()->SetOptions(family, {{"level0_file_num_compaction_trigger",
                                                                active ? kCompactSoon : kCompactUsually}}),
                              "queue options"),
                 "it only makes the space free later");
  }
}

void SyncQueue::Impl::free_space() {
  overflow.unflushed = false;
  if (!policy.disk_low()) return;
  rocksdb::FlushOptions flush;
  flush.wait = false;
  flush.allow_write_stall = false;
  constexpr const char* kWhy = "it only makes the space free later";
  for (rocksdb::ColumnFamilyHandle* family : {store->operations(), store->chunks()}) {
    ignore_error(rocks_result(store->db()->Flush(flush, family), "queue flush"), kWhy);
    ignore_error(rocks_result(rocksdb::experimental::SuggestCompactRange(store->db(), family, nullptr, nullptr),
                              "queue compaction"),
                 kWhy);
  }
}

// What is dropped is looked for in the store, so every record has to be there.
Result<void> SyncQueue::Impl::settle_changes() {
  if (changes.empty()) return {};
  rocksdb::WriteBatch batch;
  changes.move_all(window, *store, &batch);
  return commit(&batch, false);
}

// A chunk takes its space until it is empty. What was looked at leaves it, so that no payload stays there.
void SyncQueue::Impl::take_out_of_chunk(const LiveScan& scan, WindowOp* in_window, rocksdb::WriteBatch* batch) {
  if (scan.chunk() == 0) return;
  chunks.erase(scan.chunk(), scan.seq());
  if (!scan.single())
    batch->Put(store->operations(), seq_key(scan.seq()), rocksdb::Slice(scan.record().data(), scan.record().size()));
  if (in_window == nullptr) return;
  in_window->single = true;
  in_window->chunk = 0;
}

// From overflow.scan on: what has a payload becomes a touch; what each namespace takes is added up.
Result<void> SyncQueue::Impl::drop_payloads(std::size_t records) {
  rocksdb::WriteBatch batch;
  std::uint64_t freed = 0;
  const std::uint64_t wanted = policy.excess(counters.bytes);
  LiveScan scan(*store, std::max(overflow.scan, counters.floor));
  for (; scan.valid() && records > 0 && freed < wanted; scan.next(), --records) {
    const SeqNo seq = scan.seq();
    overflow.scan = seq + 1;
    auto op = decode_operation(scan.record());
    if (!op) return op.error().in("operation " + std::to_string(seq));
    WindowOp* in_window = window.find(seq);
    take_out_of_chunk(scan, in_window, &batch);
    if (op->kind == OpKind::kDdl || (in_window != nullptr && in_window->state == WindowOp::State::kInFlight)) continue;
    std::uint64_t size = scan.record().size();
    if (!op->payload.empty()) {
      OperationView touch = *op;
      touch.kind = OpKind::kTouch;
      touch.payload = {};
      encode_operation(touch, &record_scratch);
      freed += size - record_scratch.size();
      size = record_scratch.size();
      ++counters.payloads_dropped;
      batch.Put(store->operations(), seq_key(seq), record_scratch);
      recent.forget(seq);
      if (in_window != nullptr) window.replace_record(in_window, record_scratch);
    }
    overflow.sizes[op->ns()] += size;
  }
  DUALSYNC_TRY(scan.status());
  if (!scan.valid()) overflow.scan = counters.next_seq;
  if (batch.Count() > 0) {
    counters.bytes -= std::min(counters.bytes, freed);
    DUALSYNC_TRY(commit(&batch, false));
    DUALSYNC_MARK("payloads-dropped");
    policy.dropped(options.clock->now());
    overflow.unflushed = true;
  }
  if (!scan.valid() && overflow.unflushed) free_space();
  return {};
}

// The namespace that takes most; one that is being copied only if there is no other.
bool SyncQueue::Impl::choose_victim() {
  const auto weight = [&](const auto& entry) {
    return std::pair(!window.is_held(entry.first.db, entry.first.collection), entry.second);
  };
  const auto largest = std::max_element(overflow.sizes.begin(), overflow.sizes.end(),
                                        [&](const auto& a, const auto& b) { return weight(a) < weight(b); });
  if (largest == overflow.sizes.end()) return false;
  overflow.victim = largest->first;
  overflow.victim_scan = counters.floor;
  overflow.victim_end = counters.next_seq;
  ++counters.ranges_dropped;
  log::error("queue", "over its bounds: a namespace's operations are dropped, it is compared and repaired later",
             {{"namespace", overflow.victim->full()}, {"bytes", largest->second}, {"waiting_bytes", counters.bytes}});
  return true;
}

// The next of the victim's operations, together with marking it dirty: what was dropped before may be repaired already.
Result<void> SyncQueue::Impl::drop_range_part(std::size_t records) {
  rocksdb::WriteBatch batch;
  DirtyRange range{*overflow.victim, "the queue was over its bounds", {}, false, ""};
  LiveScan scan(*store, overflow.victim_scan);
  for (; scan.valid() && records > 0; scan.next(), --records) {
    const SeqNo seq = scan.seq();
    if (seq >= overflow.victim_end) break;
    overflow.victim_scan = seq + 1;
    auto op = decode_operation(scan.record());
    if (!op) return op.error().in("operation " + std::to_string(seq));
    if (op->kind == OpKind::kDdl || op->db != range.ns.db || op->collection != range.ns.collection) continue;
    WindowOp* in_window = window.find(seq);
    if (in_window != nullptr && in_window->state == WindowOp::State::kInFlight) continue;
    const OpTime before = op->first_time.previous();
    range.gap_start = range.after_seq == 0 ? before : std::min(range.gap_start, before);
    range.after_seq = seq;
    if (in_window != nullptr) {
      forget(in_window, &batch);
      continue;
    }
    KeyHash key;
    DUALSYNC_TRY(hash_key(*op, &key));
    index.erase(key, seq);
    early.erase(seq);
    recent.forget(seq);
    if (scan.single()) batch.Delete(store->operations(), seq_key(seq));
    if (scan.chunk() != 0) chunks.erase(scan.chunk(), seq);
    --counters.operations;
    counters.bytes -= std::min<std::uint64_t>(counters.bytes, scan.record().size());
  }
  DUALSYNC_TRY(scan.status());
  const bool done = records > 0;
  if (range.after_seq != 0) {
    put_dirty(range, &batch);
    advance();
    DUALSYNC_TRY(commit(&batch, false));
    policy.dropped(options.clock->now());
    wake();
  }
  if (!done) return {};
  overflow.victim.reset();
  overflow.scan = 0;
  overflow.sizes.clear();
  free_space();
  return {};
}

}  // namespace dualsync
