// What follows a write or read of the disk that failed: nothing is believed of memory, the store is opened again.
#include <rocksdb/env.h>

#include <memory>

#include "dualsync/queue/queue_impl.h"

namespace dualsync {
namespace {

template <typename T, typename... Args>
void rebuild(T* object, Args&&... args) {
  std::destroy_at(object);
  std::construct_at(object, std::forward<Args>(args)...);
}

// Opening would make an empty queue where there is none: a directory that went away must not look like a first start.
Result<void> still_there(const QueueOptions& options) {
  rocksdb::Env* disk = options.env != nullptr ? options.env : rocksdb::Env::Default();
  if (disk->FileExists(options.directory + "/CURRENT").ok()) return {};
  return Error{ErrorKind::kIo, "the queue's directory is gone: " + options.directory,
               "bring the disk of SYNC_DATA_DIR back; or start dualsync again with an empty directory, and everything "
               "is compared",
               0};
}

}  // namespace

void SyncQueue::Impl::break_off(const Error& error) {
  if (!broken) broken = error;
  for (CondVar& lane : lane_ready) lane.notify_all();
  ddl_ready.notify_all();
  drained.notify_all();
}

// As in a new process, but for what callers outside still hold: held namespaces and the numbers of gaps.
void SyncQueue::Impl::forget_memory() {
  std::vector<Namespace> held;
  for (const NamespaceState* state : window.held_states()) held.push_back(state->ns);
  rebuild(&window, WindowOptions::of(options));
  for (const Namespace& ns : held) window.set_held(window.namespace_state(ns.db, ns.collection), true);
  rebuild(&index, options.index_operations);
  rebuild(&chunks);
  rebuild(&recent, options.recent_records);
  rebuild(&changes);
  rebuild(&dead);
  rebuild(&withheld);
  withheld_in.clear();
  rebuild(&policy, options.bounds);
  counters = {};
  position = {};
  dirty.clear();
  overflow = {};
  early.clear();
  recovered_early = {};
  recovered_end = 0;
  cursor = 1;
  cursor_time = {};
  newest_loaded = {};
}

Result<void> SyncQueue::recover() {
  Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  if (!impl.broken) return {};
  if (impl.broken->kind != ErrorKind::kIo) return *impl.broken;
  if (impl.handed_out > 0) {
    return Error{ErrorKind::kIo, impl.broken->message + " (operations are still on their way to the backup)",
                 impl.broken->hint, impl.broken->code};
  }
  DUALSYNC_TRY(still_there(impl.options));
  // Whether the write that failed is on the disk is unknown; what opening finds there is the truth.
  impl.store.reset();
  auto opened = impl.remainder ? impl.remainder->open() : RocksStore::open(impl.options.directory, impl.options.env);
  if (!opened) {
    if (opened.error().kind != ErrorKind::kIo) impl.break_off(*(impl.broken = opened.error()));
    return opened.error();
  }
  impl.store = std::move(*opened);
  impl.forget_memory();
  ++impl.generation;
  Result<void> loaded = impl.load_state();
  rocksdb::WriteBatch proof;
  if (loaded) {
    impl.broken.reset();
    return impl.commit(&proof, true);  // the disk takes writes again
  }
  impl.broken = loaded.error();
  return loaded;
}

std::optional<Error> SyncQueue::trouble() const {
  MutexLock lock(impl_->mutex);
  return impl_->broken;
}

std::uint64_t SyncQueue::generation() const {
  MutexLock lock(impl_->mutex);
  return impl_->generation;
}

}  // namespace dualsync
