#include "dualsync/queue/sync_queue.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "dualsync/base/planted.h"
#include "dualsync/codec/operation_codec.h"
#include "dualsync/queue/queue_impl.h"

namespace dualsync {
namespace {

Result<void> make_directory(const std::string& directory) {
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  if (!failure && ::chmod(directory.c_str(), 0700) != 0) failure = std::error_code(errno, std::generic_category());
  if (!failure) return {};
  return Error{ErrorKind::kIo, "cannot use the data directory " + directory + ": " + failure.message(),
               "set SYNC_DATA_DIR to a directory that this user may write", failure.value()};
}

}  // namespace

SyncQueue::SyncQueue(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SyncQueue::~SyncQueue() = default;

Result<std::unique_ptr<SyncQueue>> SyncQueue::open(const QueueOptions& options) {
  if (options.env == nullptr) DUALSYNC_TRY(make_directory(options.directory));
  auto impl = std::make_unique<Impl>(options);
  {
    MutexLock lock(impl->mutex);
    if (!options.persist) impl->remainder = std::make_unique<Remainder>(options.directory, options.env);
    auto store = impl->remainder ? impl->remainder->open() : RocksStore::open(options.directory, options.env);
    if (!store) return store.error();
    impl->store = std::move(*store);
    DUALSYNC_TRY(impl->load_state());
  }
  return std::unique_ptr<SyncQueue>(new SyncQueue(std::move(impl)));
}

Result<void> SyncQueue::Impl::load_state() {
  DUALSYNC_TRY(fold_changes(*store));
  auto position_bytes = store->get_meta(kMetaPosition);
  if (!position_bytes) return position_bytes.error();
  if (*position_bytes) {
    auto decoded = decode_position(**position_bytes);
    if (!decoded) return decoded.error();
    position = *decoded;
    if (remainder) remainder->passed(position);
  }
  auto counter_bytes = store->get_meta(kMetaCounters);
  if (!counter_bytes) return counter_bytes.error();
  if (*counter_bytes)
    std::memcpy(&counters, (*counter_bytes)->data(), std::min((*counter_bytes)->size(), sizeof counters));

  auto dirty_entries = store->scan_meta(kMetaDirtyPrefix);
  if (!dirty_entries) return dirty_entries.error();
  for (const auto& [name, bytes] : *dirty_entries) {
    auto range = decode_dirty(name, bytes);
    if (!range) return range.error();
    range->gap = range->since = ++newest_gap;
    dirty[range->ns] = *range;
  }
  auto ddl_entries = store->scan_meta(kMetaDdlPrefix);
  if (!ddl_entries) return ddl_entries.error();
  for (const auto& [key, bytes] : *ddl_entries) {
    auto event = parse_ddl_event(bytes);
    if (!event) return event.error();
    window.ddls().push_back({seq_of_key(key), *event, false, {}});
  }
  auto ddl_bytes = store->get_meta(kMetaDdlDone);
  if (!ddl_bytes) return ddl_bytes.error();
  if (*ddl_bytes) ddl_done = OpTime::unpack(seq_of_key(**ddl_bytes));
  DUALSYNC_TRY(load_dead_letters());
  DUALSYNC_TRY(load_withheld());
  cursor = counters.floor;
  recovered_end = counters.operations > 0 ? counters.next_seq : 0;
  recovered_early = OpTime::unpack(counters.early);
  // The index of the last process knows nothing of what came after it was spilled; it starts anew.
  DUALSYNC_TRY(rocks_result(
      store->db()->DeleteRange(rocksdb::WriteOptions(), store->pending(), "", std::string(17, '\xff')), "queue index"));
  store->set_floor(counters.floor);
  if (all_loaded()) return {};
  const LiveScan scan(*store, cursor);
  if (scan.valid()) {
    auto op = decode_operation(scan.record());
    if (!op) return op.error().in("operation " + std::to_string(scan.seq()));
    cursor_time = op->first_time;
  } else {
    cursor = counters.next_seq;
  }
  return scan.status();
}

Result<void> SyncQueue::Impl::usable() const {
  if (broken) return *broken;
  return {};
}

void SyncQueue::Impl::put_counters(rocksdb::WriteBatch* batch) {
  counters.early = oldest_early().packed();
  batch->Put(store->meta(), std::string(kMetaCounters),
             rocksdb::Slice(reinterpret_cast<const char*>(&counters), sizeof counters));
}

Result<void> SyncQueue::Impl::commit(rocksdb::WriteBatch* batch, bool sync) {
  put_counters(batch);
  changes.trim(window, *store, batch);
  auto written = chunks.write(*store, batch);
  if (written) written = store->write(batch, sync);
  index.committed();
  if (!written) break_off(written.error());
  return written;
}

// The oldest operation that is not on the backup decides; dead letters do not count, they are shown beside it.
OpTime SyncQueue::Impl::settled_up_to() {
  OpTime oldest;
  const auto consider = [&](OpTime time) {
    if (!time.is_null() && (oldest.is_null() || time < oldest)) oldest = time;
  };
  if (const WindowOp* first = window.oldest()) consider(first->op.first_time);
  if (!all_loaded()) consider(cursor_time);
  for (const NamespaceState* state : window.held_states()) {
    if (state->first_skipped != 0) consider(state->first_skipped_time);
  }
  consider(oldest_early());
  return oldest.is_null() ? position.time : oldest.previous();
}

OpTime SyncQueue::Impl::applied() {
  if (planted(Bug::kAppliedTooHigh)) return position.time;
  OpTime result = settled_up_to();
  for (const auto& [ns, range] : dirty) {
    if (range.gap_start.is_null()) return OpTime::unpack(counters.applied);
    result = std::min(result, range.gap_start);
  }
  return std::max(result, OpTime::unpack(counters.applied));
}

OpTime SyncQueue::Impl::oldest_early() const {
  const auto held = window.held_states();
  const bool recovering = cursor < recovered_end || std::any_of(held.begin(), held.end(), [&](const auto* state) {
                            return state->first_skipped != 0 && state->first_skipped < recovered_end;
                          });
  OpTime oldest = recovering ? recovered_early : OpTime{};
  for (const auto& [seq, time] : early) {
    if (oldest.is_null() || time < oldest) oldest = time;
  }
  return oldest;
}

void SyncQueue::Impl::advance() {
  SeqNo floor = all_loaded() ? counters.next_seq : cursor;
  if (const WindowOp* first = window.oldest()) floor = std::min(floor, first->seq);
  for (const NamespaceState* state : window.held_states()) {
    if (state->first_skipped != 0) floor = std::min(floor, state->first_skipped);
  }
  counters.floor = floor;
  store->set_floor(floor);
  counters.applied = applied().packed();
}

void SyncQueue::Impl::wake() {
  for (std::size_t lane = 0; lane < lane_ready.size(); ++lane) {
    if (window.lane_has_ready(lane) || (!all_loaded() && window.is_low())) lane_ready[lane].notify_one();
  }
  if (!window.ddls().empty()) ddl_ready.notify_all();
  drained.notify_all();
}

bool SyncQueue::Impl::names_unknown() const {
  return std::any_of(dirty.begin(), dirty.end(),
                     [](const auto& entry) { return entry.second.first_copy && entry.first.collection.empty(); });
}

void SyncQueue::Impl::put_dirty(const DirtyRange& range, rocksdb::WriteBatch* batch) {
  DirtyRange stored = range;
  if (range.requested && range.gap != 0 && !dirty.contains(range.ns)) return;  // progress of one that was cancelled
  if (const auto known = dirty.find(range.ns); known != dirty.end()) {
    if (range.gap != 0 && range.gap != known->second.gap) return;  // progress on an older gap says nothing of this one
    // What somebody asks for is part of the repair that is due anyway.
    if (range.requested && range.gap == 0 && !known->second.requested) return;
    stored.after_seq = std::max(stored.after_seq, known->second.after_seq);
    // A gap does not get smaller by being found twice.
    stored.other_collection = stored.other_collection && (known->second.other_collection || known->second.first_copy);
    stored.first_copy = stored.first_copy || known->second.first_copy;
    stored.gap_start = std::min(stored.gap_start, known->second.gap_start);
  }
  const auto before = dirty.find(range.ns);
  if (stored.gap == 0 || before == dirty.end()) stored.gap = ++newest_gap;
  stored.since = before == dirty.end() ? stored.gap : before->second.since;
  dirty[range.ns] = stored;
  batch->Put(store->meta(), std::string(kMetaDirtyPrefix) + range.ns.full(), encode_dirty(stored));
}

void SyncQueue::Impl::forget_dirty(const Namespace& ns, rocksdb::WriteBatch* batch) {
  dirty.erase(ns);
  batch->Delete(store->meta(), std::string(kMetaDirtyPrefix) + ns.full());
  wake();
}

Position SyncQueue::position() const {
  MutexLock lock(impl_->mutex);
  return impl_->position;
}

bool SyncQueue::wait_position(OpTime time, std::chrono::milliseconds max_wait) const {
  MutexLock lock(impl_->mutex);
  const auto passed = [&] { return impl_->position.time >= time; };
  return impl_->advanced.wait_for(impl_->mutex, max_wait, passed);
}

Result<void> SyncQueue::mark_dirty(const DirtyRange& range) {
  MutexLock lock(impl_->mutex);
  DUALSYNC_TRY(impl_->usable());
  rocksdb::WriteBatch batch;
  impl_->put_dirty(range, &batch);
  return impl_->commit(&batch, false);
}

Result<void> SyncQueue::forget_applied(const DirtyRange& range) {
  MutexLock lock(impl_->mutex);
  DUALSYNC_TRY(impl_->usable());
  rocksdb::WriteBatch batch;
  impl_->put_dirty(range, &batch);
  impl_->counters.applied = 0;
  DUALSYNC_TRY(impl_->commit(&batch, true));
  if (!impl_->remainder) return {};
  auto saved = impl_->save_remainder();
  return saved ? Result<void>() : saved.error();
}

Result<void> SyncQueue::clear_dirty(const Namespace& ns) {
  MutexLock lock(impl_->mutex);
  DUALSYNC_TRY(impl_->usable());
  rocksdb::WriteBatch batch;
  impl_->forget_dirty(ns, &batch);
  impl_->advance();
  return impl_->commit(&batch, false);
}

Result<void> SyncQueue::finish_dirty(const DirtyRange& range) {
  MutexLock lock(impl_->mutex);
  DUALSYNC_TRY(impl_->usable());
  const auto known = impl_->dirty.find(range.ns);
  if (known == impl_->dirty.end() || known->second.gap != range.gap) return {};
  // The lanes begin with this: after a power cut it must be known that there was a first copy, or what they wrote would
  // be taken for somebody else's.
  const bool begins = range.first_copy && range.ns.collection.empty();
  rocksdb::WriteBatch batch;
  impl_->forget_dirty(range.ns, &batch);
  impl_->advance();
  DUALSYNC_TRY(impl_->commit(&batch, begins));
  if (!begins || !impl_->remainder) return {};
  auto saved = impl_->save_remainder();
  if (saved) return {};
  rocksdb::WriteBatch again;
  impl_->put_dirty(range, &again);
  DUALSYNC_TRY(impl_->commit(&again, false));
  return saved.error();
}

Result<void> SyncQueue::cancel_requested() {
  MutexLock lock(impl_->mutex);
  DUALSYNC_TRY(impl_->usable());
  rocksdb::WriteBatch batch;
  for (const DirtyRange& range : impl_->ranges()) {
    if (range.requested) impl_->forget_dirty(range.ns, &batch);
  }
  return impl_->commit(&batch, false);
}

std::vector<DirtyRange> SyncQueue::Impl::ranges() const {
  std::vector<DirtyRange> ranges;
  ranges.reserve(dirty.size());
  for (const auto& [ns, range] : dirty) ranges.push_back(range);
  return ranges;
}

std::vector<DirtyRange> SyncQueue::dirty_ranges() const {
  MutexLock lock(impl_->mutex);
  return impl_->ranges();
}

std::optional<DirtyRange> SyncQueue::dirty_range(const Namespace& ns) const {
  MutexLock lock(impl_->mutex);
  const auto found = impl_->dirty.find(ns);
  return found == impl_->dirty.end() ? std::nullopt : std::optional(found->second);
}

std::uint64_t SyncQueue::newest_gap() const {
  MutexLock lock(impl_->mutex);
  return impl_->newest_gap;
}

Result<void> SyncQueue::put_state(std::string_view name, std::string_view value) {
  MutexLock lock(impl_->mutex);
  DUALSYNC_TRY(impl_->usable());
  rocksdb::WriteBatch batch;
  const std::string key = std::string(kMetaStatePrefix) + std::string(name);
  if (value.empty()) {
    batch.Delete(impl_->store->meta(), key);
  } else {
    batch.Put(impl_->store->meta(), key, rocksdb::Slice(value.data(), value.size()));
  }
  DUALSYNC_TRY(impl_->commit(&batch, false));
  if (!impl_->remainder) return {};
  auto saved = impl_->save_remainder();
  if (!saved) return saved.error();
  return *saved ? Result<void>() : impl_->remainder->put(key, value);
}

Result<std::optional<std::string>> SyncQueue::get_state(std::string_view name) const {
  MutexLock lock(impl_->mutex);
  DUALSYNC_TRY(impl_->usable());
  return impl_->store->get_meta(std::string(kMetaStatePrefix) + std::string(name));
}

Result<std::vector<std::pair<std::string, std::string>>> SyncQueue::list_state(std::string_view prefix) const {
  MutexLock lock(impl_->mutex);
  DUALSYNC_TRY(impl_->usable());
  return impl_->store->scan_meta(std::string(kMetaStatePrefix) + std::string(prefix));
}

OpTime SyncQueue::applied_position() const {
  MutexLock lock(impl_->mutex);
  return impl_->applied();
}

OpTime SyncQueue::settled_position() const {
  MutexLock lock(impl_->mutex);
  return impl_->settled_up_to();
}

QueueStats SyncQueue::stats() const {
  MutexLock lock(impl_->mutex);
  const Counters& c = impl_->counters;
  QueueStats stats;
  stats.operations = c.operations;
  stats.bytes = c.bytes;
  stats.appended = c.appended;
  stats.coalesced = c.coalesced;
  stats.bytes_saved = c.bytes_saved;
  stats.done = c.done;
  stats.refused = c.refused;
  stats.dead_letters = c.dead_letters;
  stats.dirty_ranges =
      static_cast<std::uint64_t>(std::count_if(impl_->dirty.begin(), impl_->dirty.end(), [](const auto& one) {
        return !one.second.requested && one.second.gap_start != DirtyRange::kNoGap;
      }));
  stats.avg_sync_ms = impl_->avg_sync_ms;
  stats.last_done_ms = impl_->last_done_ms;
  stats.payloads_dropped = c.payloads_dropped;
  stats.ranges_dropped = c.ranges_dropped;
  stats.over_bounds = impl_->policy.active() || impl_->overflow.victim.has_value();
  stats.disk_low = impl_->policy.disk_low();
  return stats;
}

bool SyncQueue::crowded() const {
  MutexLock lock(impl_->mutex);
  const std::uint64_t most = impl_->options.bounds.bytes_max;
  return most > 0 && impl_->counters.bytes > most / 2;
}

Result<void> SyncQueue::sync() {
  MutexLock lock(impl_->mutex);
  DUALSYNC_TRY(impl_->usable());
  if (planted(Bug::kUnsyncedReport)) return {};
  if (impl_->remainder) {
    auto saved = impl_->save_remainder();
    return saved ? Result<void>() : saved.error();
  }
  auto synced = impl_->store->sync();
  if (!synced) impl_->break_off(synced.error());
  return synced;
}

}  // namespace dualsync
