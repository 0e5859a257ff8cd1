// Deletes that the mass-delete guard keeps from the backup: set aside, followed through DDL changes, decided upon.
#include <algorithm>

#include "dualsync/codec/operation_codec.h"
#include "dualsync/queue/queue_impl.h"
#include "dualsync/queue/queue_inspect.h"

namespace dualsync {
namespace {

constexpr std::size_t kGivenBackAtOnce = 1000;  // lanes and capture wait meanwhile

constexpr SeqNo kDiscardedBit = 1;
SeqNo table_value(SeqNo seq, bool discarded) { return seq << 1U | (discarded ? kDiscardedBit : 0); }
SeqNo seq_of_value(SeqNo value) { return value >> 1U; }
bool is_discarded(SeqNo value) { return (value & kDiscardedBit) != 0; }

constexpr char kHeldMark = 'h';
constexpr char kDiscardedMark = 'd';

std::string prefix_of(const Namespace& ns) { return ns.full() + '\0'; }
std::string key_of(const Namespace& ns, SeqNo seq) { return prefix_of(ns) + seq_key(seq); }

bool leaves_by(const Namespace& ns, const DdlEvent& event) {
  if (event.type == DdlEvent::Type::kDropDatabase) return ns.db == event.ns.db;
  if (event.type == DdlEvent::Type::kRename) return ns == event.ns || ns == event.to;
  return event.type == DdlEvent::Type::kDrop && ns == event.ns;
}

// Calls `each` with sequence number, operation and whether it is discarded, until it returns false.
template <typename Each>
Result<void> each_withheld(RocksStore& store, const std::string& prefix, const std::string& after, Each each) {
  if (store.withheld() == nullptr) return {};
  const std::unique_ptr<rocksdb::Iterator> it(store.db()->NewIterator(rocksdb::ReadOptions(), store.withheld()));
  it->Seek(after.empty() ? prefix : after);
  if (!after.empty() && it->Valid() && it->key() == rocksdb::Slice(after)) it->Next();
  for (; it->Valid() && it->key().starts_with(prefix); it->Next()) {
    const std::string_view key = it->key().ToStringView();
    const std::string_view value = it->value().ToStringView();
    if (key.size() < sizeof(SeqNo) || value.empty())
      return Error{ErrorKind::kCorruption, "queue: damaged held delete", "", 0};
    auto op = decode_operation(value.substr(1));
    if (!op) return op.error().in("held delete");
    auto go_on = each(seq_of_key(key.substr(key.size() - sizeof(SeqNo))), *op, value.front() == kDiscardedMark);
    if (!go_on) return go_on.error();
    if (!*go_on) break;
  }
  return rocks_result(it->status(), "queue read");
}

Withheld state_of(bool discarded) { return discarded ? Withheld::kDiscarded : Withheld::kHeld; }

}  // namespace

Result<void> SyncQueue::Impl::load_withheld() {
  withheld.clear();
  withheld_in.clear();
  return each_withheld(
      *store, "", "", [&](SeqNo seq, const OperationView& op, bool discarded) DUALSYNC_REQUIRES(mutex) -> Result<bool> {
        KeyHash key;
        DUALSYNC_TRY(hash_key(op, &key));
        withheld.put(key, table_value(seq, discarded));
        count_withheld(op.ns(), discarded, 1, op.enqueued_ms);
        return true;
      });
}

void SyncQueue::Impl::count_withheld(const Namespace& ns, bool discarded, int change, std::int64_t since_ms) {
  WithheldNamespace& counts = withheld_in[ns];
  (discarded ? counts.discarded : counts.held) += static_cast<std::uint64_t>(change);
  if (counts.since_ms == 0 || since_ms < counts.since_ms) counts.since_ms = since_ms;
  if (counts.held == 0 && counts.discarded == 0) withheld_in.erase(ns);
  withheld_changed = true;
}

void SyncQueue::Impl::put_withheld(const OperationView& op, SeqNo seq, const KeyHash& key, bool discarded,
                                   rocksdb::WriteBatch* batch) {
  std::string value(1, discarded ? kDiscardedMark : kHeldMark);
  encode_operation(op, &record_scratch);
  value += record_scratch;
  batch->Put(store->withheld(), key_of(op.ns(), seq), value);
  withheld.put(key, table_value(seq, discarded));
  count_withheld(op.ns(), discarded, 1, op.enqueued_ms);
}

void SyncQueue::Impl::forget_withheld(const Namespace& ns, const KeyHash& key, rocksdb::WriteBatch* batch) {
  const SeqNo value = withheld.find(key);
  if (value == 0) return;
  batch->Delete(store->withheld(), key_of(ns, seq_of_value(value)));
  withheld.erase(key, value);
  count_withheld(ns, is_discarded(value), -1, options.clock->unix_ms());
}

Withheld SyncQueue::Impl::withheld_state(const KeyHash& key) const {
  const SeqNo value = withheld.empty() ? 0 : withheld.find(key);
  if (value == 0) return Withheld::kNo;
  return state_of(is_discarded(value));
}

// The content is not kept: what local holds when somebody has decided is what counts.
void SyncQueue::Impl::withhold(const WindowOp& op, bool discarded, rocksdb::WriteBatch* batch) {
  const Namespace ns = op.op.ns();
  forget_withheld(ns, op.key, batch);
  OperationView kept = op.op;
  kept.kind = OpKind::kDelete;
  kept.payload = {};
  kept.enqueued_ms = options.clock->unix_ms();
  put_withheld(kept, op.seq, op.key, discarded, batch);
}

Result<void> SyncQueue::Impl::move_withheld(const DdlEvent& event, rocksdb::WriteBatch* batch) {
  std::vector<Namespace> leaving;
  for (const auto& [ns, counts] : withheld_in) {
    if (leaves_by(ns, event)) leaving.push_back(ns);
  }
  const bool rename = event.type == DdlEvent::Type::kRename;
  // What the rename replaces goes first, so that what it brings is not taken for it.
  std::stable_partition(leaving.begin(), leaving.end(), [&](const Namespace& ns) { return rename && ns == event.to; });
  for (const Namespace& ns : leaving) {
    std::vector<std::pair<SeqNo, Operation>> moved;
    std::vector<bool> discarded;
    DUALSYNC_TRY(
        each_withheld(*store, prefix_of(ns), "", [&](SeqNo seq, const OperationView& op, bool gone) -> Result<bool> {
          moved.emplace_back(seq, Operation::of(op));
          discarded.push_back(gone);
          return true;
        }));
    for (std::size_t i = 0; i < moved.size(); ++i) {
      auto& [seq, op] = moved[i];
      KeyHash key;
      DUALSYNC_TRY(hash_key(op.view(), &key));
      forget_withheld(ns, key, batch);
      if (!rename || ns == event.to) continue;
      op.ns = event.to;
      DUALSYNC_TRY(hash_key(op.view(), &key));
      OperationView view = op.view();
      view.enqueued_ms = op.enqueued_ms;
      put_withheld(view, seq, key, discarded[i], batch);
    }
  }
  return {};
}

std::vector<WithheldNamespace> SyncQueue::withheld() const {
  MutexLock lock(impl_->mutex);
  std::vector<WithheldNamespace> found;
  for (const auto& [ns, counts] : impl_->withheld_in) {
    found.push_back(counts);
    found.back().ns = ns;
  }
  return found;
}

Result<Withheld> SyncQueue::withheld_state(const Namespace& ns, std::string_view document_key) const {
  MutexLock lock(impl_->mutex);
  if (impl_->withheld.empty()) return Withheld::kNo;
  OperationView op;
  op.db = ns.db;
  op.collection = ns.collection;
  op.document_key = document_key;
  KeyHash key;
  DUALSYNC_TRY(impl_->hash_key(op, &key));
  return impl_->withheld_state(key);
}

Result<bool> SyncQueue::is_withheld(const Namespace& ns, std::string_view document_key) const {
  const auto state = withheld_state(ns, document_key);
  if (!state) return state.error();
  return *state != Withheld::kNo;
}

Result<WithheldPage> SyncQueue::withheld_documents(const Namespace& ns, std::string_view after,
                                                   std::size_t limit) const {
  MutexLock lock(impl_->mutex);
  DUALSYNC_TRY(impl_->usable());
  const std::string prefix = ns.db.empty() ? std::string() : prefix_of(ns);
  if (!after.empty() && !after.starts_with(prefix))
    return Error{ErrorKind::kNotFound, "that is no page of held deletes", "begin with the first one", 0};
  WithheldPage page;
  std::string last;
  DUALSYNC_TRY(each_withheld(
      *impl_->store, prefix, std::string(after),
      [&](SeqNo seq, const OperationView& op, bool discarded) -> Result<bool> {
        if (page.documents.size() == limit) {
          page.next = last;
          return false;
        }
        page.documents.push_back({op.ns(), std::string(op.document_key), state_of(discarded), op.enqueued_ms});
        last = key_of(op.ns(), seq);
        return true;
      }));
  return page;
}

// The next of those that are held, behind the key `after`, become touches. Returns how many; 0: there are no more.
Result<std::size_t> SyncQueue::Impl::give_back_some(const Namespace& ns, OpTime time, std::string* after) {
  DUALSYNC_TRY(usable());
  std::vector<std::pair<SeqNo, Operation>> held;
  DUALSYNC_TRY(each_withheld(*store, prefix_of(ns), *after,
                             [&](SeqNo seq, const OperationView& op, bool discarded) -> Result<bool> {
                               if (!discarded) held.emplace_back(seq, Operation::of(op));
                               return held.size() < kGivenBackAtOnce;
                             }));
  if (held.empty()) return 0;
  *after = key_of(ns, held.back().first);
  rocksdb::WriteBatch batch;
  Staged staged;
  for (auto& [seq, op] : held) {
    KeyHash key;
    DUALSYNC_TRY(hash_key(op.view(), &key));
    forget_withheld(ns, key, &batch);
    op.kind = OpKind::kTouch;
    op.time = time;
    op.enqueued_ms = options.clock->unix_ms();
    if (auto result = stage(op.view(), &staged, &batch); !result) {
      break_off(result.error());
      return result.error();
    }
  }
  write_staged(&staged, &batch);
  advance();
  DUALSYNC_TRY(commit(&batch, false));
  wake();
  return held.size();
}

Result<std::uint64_t> SyncQueue::give_back_withheld(const Namespace& ns, OpTime time) {
  std::uint64_t given = 0;
  std::string after;
  for (;;) {
    MutexLock lock(impl_->mutex);
    auto some = impl_->give_back_some(ns, time, &after);
    if (!some) return some.error();
    if (*some == 0) return given;
    given += *some;
  }
}

Result<std::vector<WithheldDocument>> read_withheld(const std::string& directory, rocksdb::Env* env) {
  std::vector<std::string> notes;
  auto store = RocksStore::open_read_only(directory, env, &notes);
  if (!store) return store.error();
  std::vector<WithheldDocument> found;
  DUALSYNC_TRY(each_withheld(**store, "", "", [&](SeqNo, const OperationView& op, bool discarded) -> Result<bool> {
    found.push_back({op.ns(), std::string(op.document_key), state_of(discarded), op.enqueued_ms});
    return true;
  }));
  return found;
}

}  // namespace dualsync
