// take() and complete(): what lanes get, and what becomes of it.
#include <algorithm>

#include "dualsync/base/mark.h"
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
Result<void> SyncQueue::Impl::load_one(const LiveScan& scan, const OperationView& op, Staged* staged,
                                       rocksdb::WriteBatch* batch) {
  KeyHash key;
  const SeqNo seq = scan.seq();
  if (scan.chunk() != 0) chunks.learn(scan.chunk(), scan.chunk_live(), scan.chunk_masked());
  const auto add = [&]() DUALSYNC_REQUIRES(mutex) {
    keep_early_loaded(seq, op.first_time);
    WindowOp* added = window.add(seq, scan.record(), key);
    added->single = scan.single();
    added->chunk = scan.chunk();
  };
  if (op.kind == OpKind::kDdl) {
    add();
    return {};
  }
  DUALSYNC_TRY(hash_key(op, &key));
  index.erase(key, seq);
  recent.forget(seq);
  WindowOp* older = window.find_pending(key);
  if (older != nullptr && older->seq < seq && !merges_across(op, older->seq, seq)) {
    std::string storage;
    const std::size_t before = older->record.size() + scan.record().size();
    encode_operation(merge_operations(older->op, op, &storage), &record_scratch);
    const OpTime first_before = older->op.first_time;
    window.replace_record(older, record_scratch);
    keep_early(older->seq, first_before, older->op.first_time);
    early.erase(seq);
    staged->touch(older);
    erase_on_disk({seq, scan.chunk()}, staged, batch);
    --counters.operations;
    ++counters.coalesced;
    counters.bytes -= before - std::min(before, older->record.size());
    return {};
  }
  add();
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
  if (all_loaded() || !(window.is_low() || window.is_stuck())) return {};
  std::size_t beyond = window.is_stuck() ? options.memory_operations / 4 + 1 : 0;  // what is full of what waits
  Staged staged;
  rocksdb::WriteBatch batch;
  LiveScan scan(*store, cursor);
  for (; scan.valid(); scan.next()) {
    const SeqNo seq = scan.seq();
    if (window.contains(seq)) {
      cursor = seq + 1;
      continue;
    }
    auto op = decode_operation(scan.record());
    if (!op) return op.error().in("operation " + std::to_string(seq));
    if (!window.has_room() && beyond-- == 0) {
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
    if (!held) DUALSYNC_TRY(load_one(scan, *op, &staged, &batch));
  }
  DUALSYNC_TRY(scan.status());
  if (!scan.valid()) cursor = counters.next_seq;
  if (staged.empty()) return {};
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
      impl.break_off(loaded.error());
      return loaded.error();
    }
    impl.wake();
    const SteadyTime now = impl.options.clock->now();
    std::vector<TakenOperation> taken;
    const bool free = !impl.names_unknown();
    if (free) {
      for (const WindowOp* op : impl.window.take(lane, limits, now))
        taken.push_back({op->seq, impl.without_gaps(*op), op->read_at,
                         op->read_document ? std::string_view(*op->read_document) : std::string_view(),
                         impl.withheld_state(op->key)});
    }
    impl.handed_out += taken.size();
    if (!taken.empty() || now >= deadline || stop.stop_requested()) return taken;
    SteadyTime until = deadline;
    if (const auto due = impl.window.next_due(lane); free && due) until = std::min(until, *due);
    impl.lane_ready[lane].wait_for(impl.mutex, stop, until - now,
                                   [&] { return !impl.names_unknown() && impl.window.lane_has_ready(lane); });
  }
}

bool SyncQueue::deletes_wait() const {
  MutexLock lock(impl_->mutex);
  return !impl_->options.strict && impl_->window.has_ready_delete();
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
  erase_stored(*op, batch);
  --counters.operations;
  counters.bytes -= std::min<std::uint64_t>(counters.bytes, op->record.size());
  early.erase(op->seq);
  window.remove(op->seq);
}

Result<bool> SyncQueue::Impl::has_newer(const WindowOp& op, const Staged* staged) {
  if (const WindowOp* newer = window.next_pending(op)) return !merges_across(op.op, op.seq, newer->seq);
  auto on_disk = find_on_disk(op.key, staged, &disk_scratch);
  if (!on_disk) return on_disk.error();
  return on_disk->seq > op.seq && !may_hide_newer(op) && !merges_across(op.op, op.seq, on_disk->seq);
}

// Pending again; what came meanwhile for the same document, in the window or on disk, merges into it.
Result<void> SyncQueue::Impl::return_to_lane(WindowOp* op, const Completion& completion, Staged* staged,
                                             rocksdb::WriteBatch* batch) {
  OperationView changed = op->op;
  bool merged_newer = false;
  if (completion.kind == Completion::Kind::kRetry) {
    ++changed.attempts;
    ++counters.refused;
  }
  if (completion.kind == Completion::Kind::kTouch || completion.kind == Completion::Kind::kRead) {
    changed.kind = OpKind::kTouch;
    changed.payload = {};
    if (completion.rekey) changed.flags |= kFlagRekey;
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
    merged_newer = true;
    record = std::move(merged);
    return {};
  };
  if (WindowOp* newer = window.next_pending(*op); newer != nullptr && !merges_across(op->op, op->seq, newer->seq)) {
    DUALSYNC_TRY(absorb(newer->record));
    if (!staged->drop(newer)) erase_stored(*newer, batch);
    early.erase(newer->seq);
    window.remove(newer->seq);
    if (index.spilled()) index.put(op->key, {op->seq, op->chunk}, *store, batch);
  }
  std::string newer_record;
  auto on_disk = find_on_disk(op->key, staged, &newer_record);
  if (!on_disk) return on_disk.error();
  // What was there before this process and is not loaded yet may stand between the two.
  if (on_disk->seq > op->seq && !may_hide_newer(*op) && !merges_across(op->op, op->seq, on_disk->seq)) {
    DUALSYNC_TRY(absorb(newer_record));
    erase_on_disk(*on_disk, staged, batch);
    index.erase(op->key, on_disk->seq);
    early.erase(on_disk->seq);
    if (index.spilled()) index.put(op->key, {op->seq, op->chunk}, *store, batch);
  }
  counters.bytes += record.size();
  counters.bytes -= std::min<std::uint64_t>(counters.bytes, op->record.size());
  if (record != op->record) staged->touch(op);
  const OpTime first_before = op->op.first_time;
  OpTime read_at = op->read_at;
  auto document = window.take_read(op);
  if (completion.kind == Completion::Kind::kRead) {
    read_at = completion.read_at;
    document = completion.document.empty() ? nullptr : std::make_unique<std::string>(completion.document);
  }
  window.replace_record(op, std::move(record));
  keep_early(op->seq, first_before, op->op.first_time);
  const bool read = completion.kind == Completion::Kind::kRead || completion.kind == Completion::Kind::kPutBack;
  if (read && !merged_newer) window.keep_read(op, read_at, std::move(document));
  const bool ready_now = merged_newer || completion.kind == Completion::Kind::kPutBack;
  window.put_back(op,
                  ready_now && completion.delay.count() == 0 ? SteadyTime() : options.clock->now() + completion.delay);
  return {};
}

// Until the backup has the DDL change (or a repair of what it concerns), it holds a document that lacks what happened
// at `first`.
Result<void> SyncQueue::Impl::carry_by_ddl(SeqNo seq, OpTime first, Staged* staged) {
  WindowOp* in_window = window.find(seq);
  std::string record;
  if (in_window != nullptr) {
    record = in_window->record;
  } else if (const auto there = staged->find(seq); !there.empty()) {
    record = there;
  } else {
    DUALSYNC_TRY(rocks_result(store->db()->Get(rocksdb::ReadOptions(), store->operations(), seq_key(seq), &record),
                              "queue read"));
  }
  auto op = decode_operation(record);
  if (!op) return op.error();
  if (op->first_time <= first) return {};
  op->first_time = first;
  encode_operation(*op, &record_scratch);
  early[seq] = first;
  if (in_window != nullptr) {
    window.replace_record(in_window, record_scratch);
    staged->touch(in_window);
  } else {
    change_on_disk(seq, record_scratch, staged);
  }
  return {};
}

// A rename takes the document along: a touch of it goes behind everything that is in the queue now, under the name that
// the collection has by then. If it is dropped on the way, nobody has to look again.
Result<void> SyncQueue::Impl::settle_overtaken(WindowOp* op, SeqNo by, Staged* staged, rocksdb::WriteBatch* batch) {
  Namespace at = op->op.ns();
  SeqNo dropped_by = 0;
  for (const QueuedDdl& ddl : window.ddls()) {
    if (ddl.seq < by || !ddl.event.moves() || !ddl.concerns(at.db, at.collection)) continue;
    if (ddl.event.type != DdlEvent::Type::kRename || ddl.event.ns != at) {
      dropped_by = ddl.seq;
      break;
    }
    at = ddl.event.to;
  }
  Operation touch;
  touch.kind = OpKind::kTouch;
  touch.ns = at;
  touch.document_key = std::string(op->op.document_key);
  OperationView view = touch.view();
  view.first_time = op->op.first_time;
  view.last_time = op->op.last_time;
  view.enqueued_ms = op->op.enqueued_ms;
  forget(op, batch);
  DUALSYNC_TRY(carry_by_ddl(dropped_by != 0 ? dropped_by : by, view.first_time, staged));
  return dropped_by != 0 ? Result<void>() : stage(view, staged, batch);
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
      if (!withheld.empty()) forget_withheld(op->op.ns(), op->key, batch);
      forget(op, batch);
      return {};
    case Completion::Kind::kWithhold:
      DUALSYNC_MARK("delete-withheld");
      withhold(*op, completion.discarded, batch);
      forget(op, batch);
      return {};
    case Completion::Kind::kDeadLetter: {
      // With a newer change of the document it is not refused for good yet: both together are tried.
      auto newer = has_newer(*op, staged);
      if (!newer) return newer.error();
      if (*newer) return return_to_lane(op, as_retry(completion), staged, batch);
      ++counters.refused;
      DUALSYNC_MARK("dead-letter");
      DUALSYNC_TRY(set_aside(*op, completion.error, batch));
      forget(op, batch);
      return {};
    }
    case Completion::Kind::kOvertaken: return settle_overtaken(op, completion.ddl, staged, batch);
    case Completion::Kind::kPutBack:
    case Completion::Kind::kRetry:
    case Completion::Kind::kTouch:
    case Completion::Kind::kRead: return return_to_lane(op, completion, staged, batch);
  }
  return {};
}

Result<void> SyncQueue::complete(const std::vector<Completion>& completions) {
  Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  impl.given_back(completions.size());
  DUALSYNC_TRY(impl.usable());
  Staged staged;
  rocksdb::WriteBatch batch;
  for (const Completion& completion : completions) {
    if (auto settled = impl.settle(completion, &staged, &batch); !settled) {
      impl.break_off(settled.error());
      return settled;
    }
  }
  impl.write_staged(&staged, &batch);
  if (impl.counters.operations == 0 && !impl.index.empty()) impl.index.clear(*impl.store, &batch);
  impl.advance();
  // Strict: what a power cut made unsaid would be done again, and take the backup back to where it was.
  DUALSYNC_MARK("complete-staged");
  DUALSYNC_TRY(impl.commit(&batch, impl.options.strict && impl.options.persist));
  DUALSYNC_MARK("complete-written");
  impl.wake();
  return {};
}

}  // namespace dualsync
