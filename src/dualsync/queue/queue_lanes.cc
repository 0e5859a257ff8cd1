// take() and complete(): what lanes get, and what becomes of it.
#include <algorithm>

#include "dualsync/base/planted.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/codec/operation_codec.h"
#include "dualsync/queue/merge.h"
#include "dualsync/queue/queue_impl.h"

namespace dualsync {
namespace {

Completion as_retry(Completion completion) {
  completion.kind = Completion::Kind::kRetry;
  return completion;
}

}  // namespace
// Two operations of one document can both wait on disk after a restart: the older was in flight when the process ended.
Result<void> SyncQueue::Impl::load_one(SeqNo seq, const OperationView& op, std::string_view record, Staged* staged,
                                       rocksdb::WriteBatch* batch) {
  KeyHash key;
  if (op.kind == OpKind::kDdl) {
    window.add(seq, record, key);
    return {};
  }
  DUALSYNC_TRY(hash_key(op, &key));
  index.erase(key, seq);
  WindowOp* older = window.find_pending(key);
  if (older != nullptr && older->seq < seq && !merges_across(op.db, op.collection, older->seq)) {
    std::string storage;
    const std::size_t before = older->record.size() + record.size();
    encode_operation(merge_operations(older->op, op, &storage), &record_scratch);
    const OpTime first_before = older->op.first_time;
    window.replace_record(older, record_scratch);
    keep_early(older->seq, first_before, older->op.first_time);
    early.erase(seq);
    staged->touch(older);
    batch->Delete(store->operations(), seq_key(seq));
    --counters.operations;
    ++counters.coalesced;
    counters.bytes -= before - std::min(before, older->record.size());
    return {};
  }
  if (op.first_time < position.time && newest_loaded > op.first_time) early[seq] = op.first_time;
  newest_loaded = std::max(newest_loaded, op.first_time);
  window.add(seq, record, key);
  return {};
}

// Left on disk because its namespace is held: the release comes back to the oldest of them.
void SyncQueue::Impl::skip_held(const Namespace& ns, SeqNo seq, OpTime time) {
  for (NamespaceState* state : window.states_of(ns)) {
    if (!state->held || (state->first_skipped != 0 && state->first_skipped <= seq)) continue;
    state->first_skipped = seq;
    state->first_skipped_time = time;
  }
}

Result<void> SyncQueue::Impl::load() {
  if (all_loaded() || !window.is_low()) return {};
  Staged staged;
  rocksdb::WriteBatch batch;
  const std::unique_ptr<rocksdb::Iterator> it(store->db()->NewIterator(rocksdb::ReadOptions(), store->operations()));
  for (it->Seek(seq_key(cursor)); it->Valid(); it->Next()) {
    const SeqNo seq = seq_of_key(it->key().ToStringView());
    if (window.contains(seq)) {
      cursor = seq + 1;
      continue;
    }
    auto op = decode_operation(it->value().ToStringView());
    if (!op) return op.error().in("operation " + std::to_string(seq));
    if (!window.has_room()) {
      cursor_time = op->first_time;
      cursor = seq;
      break;
    }
    bool held = window.is_held(op->db, op->collection);
    if (held) skip_held({std::string(op->db), std::string(op->collection)}, seq, op->first_time);
    if (op->kind == OpKind::kDdl) {
      auto event = parse_ddl_event(op->payload);
      if (!event) return event.error();
      for (const Namespace& ns : event->concerns()) {
        if (!window.is_held(ns.db, ns.collection)) continue;
        held = true;
        skip_held(ns, seq, op->first_time);
      }
    }
    cursor = seq + 1;
    if (!held) DUALSYNC_TRY(load_one(seq, *op, it->value().ToStringView(), &staged, &batch));
  }
  DUALSYNC_TRY(rocks_result(it->status(), "queue read"));
  if (!it->Valid()) cursor = counters.next_seq;
  if (staged.window_records.empty() && batch.Count() == 0) return {};
  write_staged(&staged, &batch);
  return commit(&batch, false);
}

Result<std::vector<TakenOperation>> SyncQueue::take(std::size_t lane, TakeLimits limits,
                                                    std::chrono::milliseconds max_wait, std::stop_token stop) {
  Impl& impl = *impl_;
  const SteadyTime deadline = impl.options.clock->now() + max_wait;
  MutexLock lock(impl.mutex);
  for (;;) {
    DUALSYNC_TRY(impl.usable());
    if (auto loaded = impl.load(); !loaded) {
      impl.broken = loaded.error();
      return loaded.error();
    }
    impl.wake();
    const SteadyTime now = impl.options.clock->now();
    std::vector<TakenOperation> taken;
    for (const WindowOp* op : impl.window.take(lane, limits, now))
      taken.push_back({op->seq, impl.without_gaps(*op), op->gone_since});
    if (!taken.empty() || now >= deadline || stop.stop_requested()) return taken;
    SteadyTime until = deadline;
    if (const auto due = impl.window.next_due(lane)) until = std::min(until, *due);
    impl.lane_ready[lane].wait_for(impl.mutex, stop, until - now, [&] { return impl.window.lane_has_ready(lane); });
  }
}

void SyncQueue::Impl::count_done(const WindowOp& op) {
  const std::int64_t now = options.clock->unix_ms();
  ++counters.done;
  last_done_ms = now;
  constexpr double kWeight = 0.001;
  const double took = static_cast<double>(std::max<std::int64_t>(0, now - op.op.enqueued_ms));
  avg_sync_ms = avg_sync_ms == 0 ? took : avg_sync_ms + kWeight * (took - avg_sync_ms);
}

void SyncQueue::Impl::forget(WindowOp* op, rocksdb::WriteBatch* batch) {
  batch->Delete(store->operations(), seq_key(op->seq));
  --counters.operations;
  counters.bytes -= std::min<std::uint64_t>(counters.bytes, op->record.size());
  early.erase(op->seq);
  window.remove(op->seq);
}

Result<bool> SyncQueue::Impl::has_newer(const WindowOp& op, const Staged* staged) {
  if (merges_across(op.op.db, op.op.collection, op.seq)) return false;
  if (window.find_pending(op.key) != nullptr) return true;
  auto on_disk = find_on_disk(op.key, staged, &disk_scratch);
  if (!on_disk) return on_disk.error();
  return *on_disk > op.seq;
}

// Pending again; what came meanwhile for the same document, in the window or on disk, merges into it.
Result<void> SyncQueue::Impl::return_to_lane(WindowOp* op, const Completion& completion, Staged* staged,
                                             rocksdb::WriteBatch* batch) {
  OperationView changed = op->op;
  bool ready_now = completion.kind == Completion::Kind::kPutBack;
  if (completion.kind == Completion::Kind::kRetry) {
    ++changed.attempts;
    ++counters.refused;
  }
  if (completion.kind == Completion::Kind::kTouch || completion.kind == Completion::Kind::kGone) {
    changed.kind = OpKind::kTouch;
    changed.payload = {};
  }
  std::string record;
  encode_operation(changed, &record);

  const auto absorb = [&](std::string_view newer_record) -> Result<void> {
    auto pending = decode_operation(record);
    auto newer = decode_operation(newer_record);
    if (!pending) return pending.error();
    if (!newer) return newer.error();
    std::string storage;
    std::string merged;
    encode_operation(merge_operations(*pending, *newer, &storage), &merged);
    counters.bytes -= std::min<std::uint64_t>(counters.bytes, newer_record.size());
    --counters.operations;
    ++counters.coalesced;
    ready_now = true;
    record = std::move(merged);
    return {};
  };
  if (WindowOp* newer = window.find_pending(op->key);
      newer != nullptr && !merges_across(op->op.db, op->op.collection, op->seq)) {
    DUALSYNC_TRY(absorb(newer->record));
    batch->Delete(store->operations(), seq_key(newer->seq));
    staged->drop(newer);
    early.erase(newer->seq);
    window.remove(newer->seq);
    if (index.spilled()) index.put(op->key, op->seq, *store, batch);
  }
  std::string newer_record;
  auto on_disk = find_on_disk(op->key, staged, &newer_record);
  if (!on_disk) return on_disk.error();
  // What was there before this process and is not loaded yet may stand between the two.
  if (*on_disk > op->seq && !may_hide_newer(*op) && !merges_across(op->op.db, op->op.collection, op->seq)) {
    DUALSYNC_TRY(absorb(newer_record));
    batch->Delete(store->operations(), seq_key(*on_disk));
    index.erase(op->key, *on_disk);
    early.erase(*on_disk);
    if (index.spilled()) index.put(op->key, op->seq, *store, batch);
  }
  counters.bytes += record.size();
  counters.bytes -= std::min<std::uint64_t>(counters.bytes, op->record.size());
  if (record != op->record) staged->touch(op);
  const OpTime first_before = op->op.first_time;
  window.replace_record(op, std::move(record));
  keep_early(op->seq, first_before, op->op.first_time);
  if (!ready_now) op->gone_since = completion.gone_since;
  window.put_back(op,
                  ready_now && completion.delay.count() == 0 ? SteadyTime() : options.clock->now() + completion.delay);
  return {};
}

Result<void> SyncQueue::Impl::settle(const Completion& completion, Staged* staged, rocksdb::WriteBatch* batch) {
  WindowOp* op = window.find(completion.seq);
  DUALSYNC_CHECK(op != nullptr && op->state == WindowOp::State::kInFlight);
  switch (completion.kind) {
    case Completion::Kind::kDone:
      if (planted(Bug::kMergeIntoFlight)) {
        if (WindowOp* newer = window.find_pending(op->key)) forget(newer, batch);
      }
      count_done(*op);
      resolve(*op, batch);
      forget(op, batch);
      return {};
    case Completion::Kind::kDeadLetter: {
      // With a newer change of the document it is not refused for good yet: both together are tried.
      auto newer = has_newer(*op, staged);
      if (!newer) return newer.error();
      if (*newer) return return_to_lane(op, as_retry(completion), staged, batch);
      ++counters.refused;
      DUALSYNC_TRY(set_aside(*op, completion.error, batch));
      forget(op, batch);
      return {};
    }
    case Completion::Kind::kMove: {
      Operation moved;
      moved.kind = OpKind::kTouch;
      moved.ns = completion.to;
      moved.document_key = std::string(op->op.document_key);
      OperationView view = moved.view();
      view.first_time = op->op.first_time;
      view.last_time = op->op.last_time;
      view.enqueued_ms = op->op.enqueued_ms;
      forget(op, batch);
      return stage(view, staged, batch);
    }
    case Completion::Kind::kPutBack:
    case Completion::Kind::kRetry:
    case Completion::Kind::kTouch:
    case Completion::Kind::kGone: return return_to_lane(op, completion, staged, batch);
  }
  return {};
}

Result<void> SyncQueue::complete(const std::vector<Completion>& completions) {
  Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  DUALSYNC_TRY(impl.usable());
  Staged staged;
  rocksdb::WriteBatch batch;
  for (const Completion& completion : completions) {
    if (auto settled = impl.settle(completion, &staged, &batch); !settled) {
      impl.broken = settled.error();
      return settled;
    }
  }
  impl.write_staged(&staged, &batch);
  if (impl.counters.operations == 0 && !impl.index.empty()) impl.index.clear(*impl.store, &batch);
  impl.advance();
  DUALSYNC_TRY(impl.commit(&batch, false));
  impl.wake();
  return {};
}

}  // namespace dualsync
