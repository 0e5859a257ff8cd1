// append(): staging, merging, and one write.
#include <algorithm>

#include "dualsync/base/mark.h"
#include "dualsync/base/planted.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/codec/operation_codec.h"
#include "dualsync/queue/merge.h"
#include "dualsync/queue/queue_impl.h"

namespace dualsync {

bool SyncQueue::Impl::merges_across(const OperationView& op, SeqNo older, SeqNo newer) const {
  if (planted(Bug::kMergeAcrossDdl)) return false;
  return window.ddl_between(op.db, op.collection, older, newer);
}

void SyncQueue::Impl::count_merge(std::size_t before, std::size_t incoming, std::size_t after) {
  ++counters.coalesced;
  counters.bytes += after - before;
  counters.bytes_saved += before + incoming > after ? before + incoming - after : 0;
}

Result<bool> SyncQueue::Impl::merge_into_window(const KeyHash& key, const OperationView& op, Staged* staged) {
  WindowOp* pending = window.find_pending(key);
  if (pending == nullptr || merges_across(op, pending->seq, counters.next_seq) || may_hide_newer(*pending))
    return false;
  std::string storage;
  const std::size_t before = pending->record.size();
  const bool stands_alone = op.whole() || op.kind == OpKind::kDelete;
  encode_operation(merge_operations(pending->op, op, &storage), &record_scratch);
  const bool refused_before = pending->op.attempts > 0;
  const bool was_read = !pending->read_at.is_null();
  const OpTime first_before = pending->op.first_time;
  window.swap_record(pending, &record_scratch);
  keep_early(pending->seq, first_before, pending->op.first_time);
  // New content is no longer what the backup refused, and no longer what was read from local.
  if ((stands_alone && refused_before) || was_read) window.make_ready(pending);
  staged->touch(pending);
  count_merge(before, op.payload.size(), pending->record.size());
  return true;
}

bool SyncQueue::Impl::may_hide_newer(const WindowOp& op) const {
  if (op.seq >= recovered_end) return false;
  return cursor < recovered_end || (op.ns->held && op.ns->first_skipped != 0 && op.ns->first_skipped < recovered_end);
}

Result<DiskPlace> SyncQueue::Impl::find_on_disk(const KeyHash& key, const Staged* staged, std::string* record) {
  if (index.empty()) return DiskPlace();
  auto found = index.find(key, *store);
  if (!found) return found.error();
  const DiskPlace place = *found;
  if (place.seq == 0 || window.contains(place.seq)) return DiskPlace();
  if (const auto there = staged->find(place.seq); !there.empty()) {
    *record = there;
    return place;
  }
  if (recent.find(place.seq, record)) return place;
  // In a chunk first, if nothing has merged into it. A spilled index does not hear of merges.
  const bool chunk_first = place.chunk != 0 && !place.merged && !index.spilled();
  for (const bool in_chunk : {chunk_first, !chunk_first}) {
    auto there = in_chunk ? read_in_chunk(place, record) : read_single(place.seq, record);
    if (!there) return there.error();
    if (*there) return place;
  }
  return DiskPlace();  // done long ago: a stale entry
}

Result<bool> SyncQueue::Impl::read_in_chunk(const DiskPlace& place, std::string* record) {
  return place.chunk == 0 ? Result<bool>(false) : chunks.read(place.chunk, place.seq, *store, record);
}

Result<bool> SyncQueue::Impl::read_single(SeqNo seq, std::string* record) {
  const auto read = store->db()->Get(rocksdb::ReadOptions(), store->operations(), seq_key(seq), record);
  if (read.ok()) return true;
  return read.IsNotFound() ? Result<bool>(false) : Result<bool>(rocks_error(read, "queue read"));
}

bool SyncQueue::Impl::change_on_disk(SeqNo seq, std::string_view record, Staged* staged) {
  recent.put(seq, record);
  return staged->change(seq, record);
}

Result<bool> SyncQueue::Impl::merge_into_disk(const KeyHash& key, const OperationView& op, Staged* staged,
                                              rocksdb::WriteBatch* batch) {
  std::string& record = disk_scratch;
  auto place = find_on_disk(key, staged, &record);
  if (!place) return place.error();
  const SeqNo seq = place->seq;
  if (seq == 0 || merges_across(op, seq, counters.next_seq)) return false;
  auto pending = decode_operation(record);
  if (!pending) return pending.error();
  std::string storage;
  encode_operation(merge_operations(*pending, op, &storage), &record_scratch);
  count_merge(record.size(), op.payload.size(), record_scratch.size());
  keep_early(seq, pending->first_time, std::min(pending->first_time, op.first_time));
  const bool stored = change_on_disk(seq, record_scratch, staged);
  if (stored && !place->merged && !index.spilled()) {
    place->merged = true;
    index.put(key, *place, *store, batch);
  }
  return true;
}

Result<void> SyncQueue::Impl::stage_ddl(const OperationView& op, Staged* staged, rocksdb::WriteBatch* batch) {
  auto event = parse_ddl_event(op.payload);
  if (!event) return event.error();
  if (!ddl_done.is_null() && event->time <= ddl_done) {
    for (const Namespace& ns : event->concerns())
      put_dirty({ns, "a schema change was read again", event->time.previous(), false, ""}, batch);
    return {};
  }
  const SeqNo seq = counters.next_seq++;
  encode_operation(op, &record_scratch);
  ++counters.operations;
  ++counters.appended;
  counters.bytes += record_scratch.size();
  batch->Put(store->meta(), std::string(kMetaDdlPrefix) + seq_key(seq), std::string(op.payload));
  window.ddls().push_back({seq, *event, false, {}});
  bool held = false;
  for (const Namespace& ns : event->concerns()) {
    for (NamespaceState* state : window.states_of(ns)) {
      if (!state->held) continue;
      held = true;
      if (state->first_skipped == 0) {
        state->first_skipped = seq;
        state->first_skipped_time = op.first_time;
      }
    }
  }
  if (!held && cursor == seq && window.has_room()) {
    staged->touch(window.add(seq, record_scratch, {}));
    cursor = seq + 1;
    return {};
  }
  if (cursor == seq) {
    if (held) {
      cursor = seq + 1;
    } else {
      cursor_time = op.first_time;
    }
  }
  staged->change(seq, record_scratch);
  return {};
}

Result<void> SyncQueue::Impl::hash_key(const OperationView& op, KeyHash* hash) {
  key_scratch.assign(op.db).push_back('\0');
  key_scratch.append(op.collection).push_back('\0');
  if (!append_canonical_key(op.document_key, &key_scratch)) {
    return Error{ErrorKind::kInvalidArgument, "queue: an operation without _id in its document key", "", 0};
  }
  *hash = KeyHash::of(key_scratch);
  return {};
}

Result<void> SyncQueue::Impl::stage(const OperationView& op, Staged* staged, rocksdb::WriteBatch* batch) {
  KeyHash key;
  DUALSYNC_TRY(hash_key(op, &key));
  // The disk first: what only it holds of a document is newer than what the window holds.
  auto merged = merge_into_disk(key, op, staged, batch);
  if (!merged) return merged.error();
  if (!*merged) merged = merge_into_window(key, op, staged);
  if (!merged) return merged.error();
  ++counters.appended;
  if (*merged) return {};

  const SeqNo seq = counters.next_seq++;
  encode_operation(op, &record_scratch);
  ++counters.operations;
  counters.bytes += record_scratch.size();
  if (op.first_time < position.time) early[seq] = op.first_time;
  NamespaceState* state = window.namespace_state(op.db, op.collection);
  const bool direct = !state->held && cursor == seq && window.has_room();
  const SeqNo chunk = staged->place(seq, record_scratch.size());
  if (!options.strict && (!direct || index.spilled())) index.put(key, {seq, chunk}, *store, batch);
  if (direct) {
    staged->add(seq, chunk, window.add(seq, record_scratch, key));
    cursor = seq + 1;
    return {};
  }
  if (state->held && state->first_skipped == 0) {
    state->first_skipped = seq;
    state->first_skipped_time = op.first_time;
  }
  if (cursor == seq) {
    if (state->held) {
      cursor = seq + 1;
    } else {
      cursor_time = op.first_time;
    }
  }
  // Whole documents would fill it, and what merges into one is seldom merged into again.
  if (!op.whole()) recent.put(seq, record_scratch);
  staged->add(seq, chunk, record_scratch);
  return {};
}

void SyncQueue::Impl::write_staged(Staged* staged, rocksdb::WriteBatch* batch) {
  for (const auto& [seq, part] : staged->on_disk()) {
    const std::string_view record = staged->record_of(part);
    batch->Put(store->operations(), seq_key(seq), rocksdb::Slice(record.data(), record.size()));
  }
  std::vector<WindowOp*> logged;
  logged.reserve(staged->changed().size());
  for (WindowOp* op : staged->changed()) {
    op->staged = false;
    if (op->state != WindowOp::State::kDdl) {
      logged.push_back(op);
      continue;
    }
    batch->Put(store->operations(), seq_key(op->seq), op->record);
    op->single = true;
  }
  if (!logged.empty()) changes.put(logged, *store, batch);
  write_fresh(staged, batch);
}

// Those of one chunk stand together. One alone is no chunk: what comes slowly is written, and removed, once.
void SyncQueue::Impl::write_fresh(Staged* staged, rocksdb::WriteBatch* batch) {
  const std::vector<Staged::Fresh>& fresh = staged->fresh();
  std::vector<std::string_view> records;
  for (std::size_t begin = 0, end = 0; begin < fresh.size(); begin = end) {
    const SeqNo start = fresh[begin].chunk;
    ChunkMask live = 0;
    bool in_window = false;
    records.clear();
    for (end = begin; end < fresh.size() && fresh[end].chunk == start; ++end) {
      records.push_back(staged->record_of(fresh[end]));
      if (!records.back().empty()) live |= Chunk::bit(start, fresh[end].seq);
      in_window = in_window || fresh[end].op != nullptr;
    }
    if (live == 0) continue;
    const bool alone = records.size() == 1;
    if (alone) {
      batch->Put(store->operations(), seq_key(start), rocksdb::Slice(records[0].data(), records[0].size()));
    } else {
      Chunk::encode(records, &chunk_scratch);
      batch->Put(store->chunks(), seq_key(start), chunk_scratch);
      if (in_window) chunks.learn(start, live, false);
    }
    for (std::size_t i = begin; i < end; ++i) {
      WindowOp* op = fresh[i].op;
      if (op == nullptr) continue;
      op->staged = false;
      op->single = alone;
      op->chunk = alone ? 0 : start;
    }
  }
}

void SyncQueue::Impl::erase_stored(const WindowOp& op, rocksdb::WriteBatch* batch) {
  if (op.single) batch->Delete(store->operations(), seq_key(op.seq));
  if (op.chunk != 0) chunks.erase(op.chunk, op.seq);
  changes.forget(op);
}

void SyncQueue::Impl::erase_on_disk(const DiskPlace& place, Staged* staged, rocksdb::WriteBatch* batch) {
  recent.forget(place.seq);
  if (staged->drop(place.seq)) return;
  batch->Delete(store->operations(), seq_key(place.seq));
  if (place.chunk != 0) chunks.erase(place.chunk, place.seq);
}

std::size_t AppendBatch::bytes_about() const {
  constexpr std::size_t kOverhead = 128;  // head, names and what the store adds
  std::size_t bytes = kOverhead;
  for (const OperationView& op : operations) bytes += kOverhead + op.document_key.size() + op.payload.size();
  return bytes;
}

Result<void> SyncQueue::append(const AppendBatch& incoming) {
  Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  DUALSYNC_TRY(impl.usable());
  if (incoming.generation != 0 && incoming.generation != impl.generation) {
    return Error{ErrorKind::kIo, "the queue was opened again: what comes next is read again from its position", "", 0};
  }
  Staged staged;
  rocksdb::WriteBatch batch(incoming.bytes_about());
  for (const OperationView& op : incoming.operations) {
    auto result = op.kind == OpKind::kDdl ? impl.stage_ddl(op, &staged, &batch) : impl.stage(op, &staged, &batch);
    if (!result) {
      impl.break_off(result.error());  // what is staged in memory is no longer what the disk holds
      return result;
    }
  }
  for (DirtyRange range : incoming.dirty) {
    range.after_seq = impl.counters.next_seq - 1;
    impl.put_dirty(range, &batch);
  }
  if (!incoming.dirty.empty()) impl.counters.gap_seq = impl.counters.next_seq;
  if (!incoming.position.empty()) {
    impl.position = incoming.position;
    impl.advanced.notify_all();
    batch.Put(impl.store->meta(), std::string(kMetaPosition), encode_position(impl.position));
  }
  impl.write_staged(&staged, &batch);
  impl.advance();
  if (planted(Bug::kPositionBeforeBatch)) {
    rocksdb::WriteBatch first;
    first.Put(impl.store->meta(), std::string(kMetaPosition), encode_position(impl.position));
    DUALSYNC_TRY(impl.commit(&first, true));
  }
  DUALSYNC_MARK("append-staged");
  DUALSYNC_TRY(impl.commit(&batch, false));
  DUALSYNC_MARK("append-written");
  if (impl.remainder && !incoming.position.empty()) impl.remainder->passed(impl.position);
  impl.wake();
  if (incoming.position.empty()) return {};  // a repair: dropping it would only make it necessary again
  if (auto relieved = impl.relieve(incoming.operations.size()); !relieved) {
    impl.break_off(relieved.error());
    return relieved;
  }
  return {};
}

}  // namespace dualsync
