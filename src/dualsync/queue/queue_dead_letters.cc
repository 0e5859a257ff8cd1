// Dead letters: set aside, resolved, tried again.
#include "dualsync/codec/operation_codec.h"
#include "dualsync/queue/queue_impl.h"

namespace dualsync {
namespace {

Error no_such_letter(SeqNo seq) {
  return {ErrorKind::kNotFound, "there is no dead letter " + std::to_string(seq),
          "`dualsync dead-letters list` shows those that are open", 0};
}

bool belongs_to(const Namespace& ns, const DdlEvent& event) {
  if (event.type == DdlEvent::Type::kDropDatabase) return ns.db == event.ns.db;
  return ns == event.ns;
}

}  // namespace

template <typename Each>
Result<void> SyncQueue::Impl::for_each_dead_letter(Each each) const {
  const std::unique_ptr<rocksdb::Iterator> it(store->db()->NewIterator(rocksdb::ReadOptions(), store->dead_letters()));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    auto letter = decode_dead_letter(seq_of_key(it->key().ToStringView()), it->value().ToStringView());
    if (!letter) return letter.error();
    if (!each(*letter)) break;
  }
  return rocks_result(it->status(), "queue read");
}

Result<void> SyncQueue::Impl::load_dead_letters() {
  Result<void> hashed;
  DUALSYNC_TRY(for_each_dead_letter([&](const DeadLetter& letter) DUALSYNC_REQUIRES(mutex) {
    if (letter.kind == OpKind::kDdl) return true;
    KeyHash key;
    hashed = hash_key(letter.operation().view(), &key);
    if (hashed.ok()) dead.put(key, letter.seq);
    return hashed.ok();
  }));
  return hashed;
}

Result<void> SyncQueue::Impl::set_aside(const WindowOp& op, const Error& error, rocksdb::WriteBatch* batch) {
  if (op.op.kind != OpKind::kDdl) {
    if (const SeqNo older = dead.find(op.key); older != 0) forget_dead_letter(older, op.key, batch);
    dead.put(op.key, op.seq);
  }
  OperationView refused = op.op;
  ++refused.attempts;  // the one that brought it here
  batch->Put(store->dead_letters(), seq_key(op.seq),
             encode_dead_letter(refused, error, options.clock->unix_ms(), op.record));
  ++counters.dead_letters;
  letters_changed = true;
  return {};
}

void SyncQueue::Impl::forget_dead_letter(SeqNo seq, const KeyHash& key, rocksdb::WriteBatch* batch) {
  batch->Delete(store->dead_letters(), seq_key(seq));
  dead.erase(key, seq);
  --counters.dead_letters;
  letters_changed = true;
}

void SyncQueue::Impl::resolve(const WindowOp& op, rocksdb::WriteBatch* batch) {
  if (dead.empty()) return;
  if (const SeqNo seq = dead.find(op.key); seq != 0) forget_dead_letter(seq, op.key, batch);
}

OperationView SyncQueue::Impl::without_gaps(const WindowOp& op) const {
  OperationView view = op.op;
  const bool before_gap = op.seq < counters.gap_seq && view.kind != OpKind::kDdl;
  if (before_gap || (view.kind == OpKind::kDelta && !dead.empty() && dead.find(op.key) != 0)) {
    view.kind = OpKind::kTouch;
    view.payload = {};
  }
  return view;
}

Result<void> SyncQueue::Impl::drop_schema_letters(const Namespace& ns, std::string_view change,
                                                  rocksdb::WriteBatch* batch) {
  if (counters.dead_letters == 0) return {};
  return for_each_dead_letter([&](const DeadLetter& letter) DUALSYNC_REQUIRES(mutex) {
    if (letter.kind == OpKind::kDdl && letter.ns == ns && (change.empty() || letter.change == change)) {
      batch->Delete(store->dead_letters(), seq_key(letter.seq));
      --counters.dead_letters;
      letters_changed = true;
    }
    return true;
  });
}

Result<void> SyncQueue::Impl::follow_ddl(const DdlEvent& event, rocksdb::WriteBatch* batch) {
  const bool rename = event.type == DdlEvent::Type::kRename;
  const bool drop = event.type == DdlEvent::Type::kDrop || event.type == DdlEvent::Type::kDropDatabase;
  if (counters.dead_letters == 0 || (!rename && !drop)) return {};
  std::vector<DeadLetter> concerned;
  DUALSYNC_TRY(for_each_dead_letter([&](const DeadLetter& letter) {
    const bool target_dropped = rename && letter.ns == event.to;
    if (letter.kind != OpKind::kDdl && (target_dropped || belongs_to(letter.ns, event))) concerned.push_back(letter);
    return true;
  }));
  if (event.type == DdlEvent::Type::kDrop) DUALSYNC_TRY(drop_schema_letters(event.ns, "", batch));
  for (const DeadLetter& letter : concerned) {
    KeyHash key;
    Operation op = letter.operation();
    DUALSYNC_TRY(hash_key(op.view(), &key));
    forget_dead_letter(letter.seq, key, batch);
  }
  if (!rename) return {};
  for (const DeadLetter& letter : concerned) {
    if (letter.ns == event.to) continue;  // it went with the collection that the rename replaced
    Operation op = letter.operation();
    op.ns = event.to;
    KeyHash key;
    DUALSYNC_TRY(hash_key(op.view(), &key));
    OperationView view = op.view();
    view.attempts = letter.attempts;
    view.enqueued_ms = letter.first_ms;
    encode_operation(view, &record_scratch);
    batch->Put(store->dead_letters(), seq_key(letter.seq),
               encode_dead_letter(view, {ErrorKind::kRefused, letter.reason, "", letter.code}, letter.last_ms,
                                  record_scratch));
    dead.put(key, letter.seq);
    ++counters.dead_letters;
  }
  return {};
}

Result<std::vector<DeadLetter>> SyncQueue::dead_letters(std::size_t limit) const {
  MutexLock lock(impl_->mutex);
  DUALSYNC_TRY(impl_->usable());
  std::vector<DeadLetter> letters;
  DUALSYNC_TRY(impl_->for_each_dead_letter([&](DeadLetter& letter) {
    if (letters.size() < limit) letters.push_back(std::move(letter));
    return letters.size() < limit;
  }));
  return letters;
}

Result<DeadLetter> SyncQueue::Impl::find_dead_letter(SeqNo seq) const {
  std::string bytes;
  const rocksdb::Status read = store->db()->Get(rocksdb::ReadOptions(), store->dead_letters(), seq_key(seq), &bytes);
  if (read.IsNotFound()) return no_such_letter(seq);
  DUALSYNC_TRY(rocks_result(read, "queue read"));
  return decode_dead_letter(seq, bytes);
}

Result<void> SyncQueue::retry_dead_letter(SeqNo seq) {
  Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  DUALSYNC_TRY(impl.usable());
  auto letter = impl.find_dead_letter(seq);
  if (!letter) return letter.error();
  rocksdb::WriteBatch batch;
  Staged staged;
  if (letter->kind == OpKind::kDdl) {
    batch.Delete(impl.store->dead_letters(), seq_key(seq));
    --impl.counters.dead_letters;
    impl.put_dirty({letter->ns, "a refused schema change is tried again", impl.position.time, false, ""}, &batch);
  } else {
    Operation touch = letter->operation();
    touch.kind = OpKind::kTouch;
    touch.time = impl.position.time;
    touch.enqueued_ms = impl.options.clock->unix_ms();
    if (auto result = impl.stage(touch.view(), &staged, &batch); !result) {
      impl.break_off(result.error());
      return result;
    }
    impl.write_staged(&staged, &batch);
  }
  impl.advance();
  DUALSYNC_TRY(impl.commit(&batch, false));
  impl.wake();
  return {};
}

Result<void> SyncQueue::set_schema_aside(const OperationView& change, const Error& error) {
  Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  DUALSYNC_TRY(impl.usable());
  auto event = parse_ddl_event(change.payload);
  if (!event) return event.error();
  rocksdb::WriteBatch batch;
  DUALSYNC_TRY(impl.drop_schema_letters(change.ns(), event->name, &batch));
  const SeqNo seq = impl.counters.next_seq++;
  if (impl.cursor == seq) impl.cursor = seq + 1;  // nothing is to be loaded there
  encode_operation(change, &impl.record_scratch);
  batch.Put(impl.store->dead_letters(), seq_key(seq),
            encode_dead_letter(change, error, impl.options.clock->unix_ms(), impl.record_scratch));
  ++impl.counters.dead_letters;
  impl.letters_changed = true;
  impl.advance();
  return impl.commit(&batch, false);
}

Result<void> SyncQueue::forget_schema_letters(const Namespace& ns) {
  Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  DUALSYNC_TRY(impl.usable());
  if (impl.counters.dead_letters == 0) return {};
  rocksdb::WriteBatch batch;
  DUALSYNC_TRY(impl.drop_schema_letters(ns, "", &batch));
  return batch.Count() == 0 ? Result<void>() : impl.commit(&batch, false);
}

Result<void> SyncQueue::discard_dead_letter(SeqNo seq) {
  Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  DUALSYNC_TRY(impl.usable());
  auto letter = impl.find_dead_letter(seq);
  if (!letter) return letter.error();
  rocksdb::WriteBatch batch;
  KeyHash key;
  if (letter->kind != OpKind::kDdl) DUALSYNC_TRY(impl.hash_key(letter->operation().view(), &key));
  impl.forget_dead_letter(seq, key, &batch);
  return impl.commit(&batch, false);
}

}  // namespace dualsync
