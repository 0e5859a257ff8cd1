// DDL barriers and holds.
#include <algorithm>

#include "dualsync/base/mark.h"
#include "dualsync/base/planted.h"
#include "dualsync/queue/queue_impl.h"

namespace dualsync {

Result<std::optional<TakenDdl>> SyncQueue::take_ddl(std::chrono::milliseconds max_wait, std::stop_token stop) {
  Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  const SteadyTime deadline = impl.options.clock->now() + max_wait;
  for (;;) {
    DUALSYNC_TRY(impl.usable());
    auto& ddls = impl.window.ddls();
    const SteadyTime now = impl.options.clock->now();
    if (!impl.names_unknown() && !ddls.empty() && !ddls.front().in_flight && ddls.front().not_before <= now) {
      QueuedDdl& first = ddls.front();
      const WindowOp* op = impl.window.find(first.seq);
      const auto concerned = first.event.concerns();
      const bool clear = std::all_of(concerned.begin(), concerned.end(),
                                     [&](const Namespace& ns) { return impl.window.active_in(ns) == 0; });
      if (op != nullptr && clear && impl.window.may_go(*op)) {
        first.in_flight = true;
        ++impl.handed_out;
        return std::optional<TakenDdl>(TakenDdl{first.seq, first.event, op->op.attempts});
      }
    }
    if (now >= deadline || stop.stop_requested()) return std::optional<TakenDdl>();
    // The predicate is looked at above: any completion, load or append wakes this wait.
    impl.ddl_ready.wait_for(impl.mutex, deadline - now);
  }
}

Result<void> SyncQueue::Impl::finish_ddl(SeqNo seq, const std::vector<DirtyRange>& ranges,
                                         const std::vector<Namespace>& clean, const std::optional<Error>& refused) {
  auto& ddls = window.ddls();
  DUALSYNC_CHECK(!ddls.empty() && ddls.front().seq == seq && ddls.front().in_flight);
  WindowOp* op = window.find(seq);
  DUALSYNC_CHECK(op != nullptr);
  rocksdb::WriteBatch batch;
  if (refused) {
    DUALSYNC_TRY(set_aside(*op, *refused, &batch));
  } else {
    auto followed = follow_ddl(ddls.front().event, &batch);
    if (followed) followed = move_withheld(ddls.front().event, &batch);
    if (!followed) {
      break_off(followed.error());
      return followed;
    }
  }
  for (const Namespace& ns : clean) {
    // What is missing of a collection that came into being after this change is still missing.
    const auto known = dirty.find(ns);
    if (known == dirty.end() || known->second.after_seq < seq || planted(Bug::kDdlSettlesGap)) forget_dirty(ns, &batch);
  }
  for (DirtyRange range : ranges) {
    range.after_seq = std::max(range.after_seq, seq);
    range.gap_start = std::min(range.gap_start, op->op.first_time.previous());
    put_dirty(range, &batch);
  }
  batch.Delete(store->meta(), std::string(kMetaDdlPrefix) + seq_key(seq));
  const OpTime time = ddls.front().event.time;
  count_done(*op);
  forget(op, &batch);
  ddls.pop_front();
  window.unblock();
  advance();
  // Synced: a DDL change is not idempotent, so after a power cut at most the last one may be done again.
  DUALSYNC_MARK("ddl-done-staged");
  DUALSYNC_TRY(commit(&batch, true));
  DUALSYNC_MARK("ddl-done-written");
  if (remainder) {
    ddl_done = std::max(ddl_done, time);
    ignore_error(remainder->ddl_done(ddl_done),
                 "read again after a restart it is done twice, if the disk is not back by then");
  }
  wake();
  return {};
}

Result<void> SyncQueue::complete_ddl(SeqNo seq, const std::vector<DirtyRange>& dirty,
                                     const std::vector<Namespace>& clean) {
  Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  impl.given_back(1);
  DUALSYNC_TRY(impl.usable());
  return impl.finish_ddl(seq, dirty, clean, std::nullopt);
}

Result<void> SyncQueue::retry_ddl(SeqNo seq, std::chrono::milliseconds delay, bool refused) {
  Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  impl.given_back(1);
  DUALSYNC_TRY(impl.usable());
  QueuedDdl& first = impl.window.ddls().front();
  DUALSYNC_CHECK(first.seq == seq);
  first.in_flight = false;
  first.not_before = impl.options.clock->now() + delay;
  if (refused) {
    WindowOp* op = impl.window.find(seq);
    ++op->op.attempts;  // in memory only: a restart gives it a full number of tries again
    ++impl.counters.refused;
  }
  return {};
}

Result<void> SyncQueue::dead_letter_ddl(SeqNo seq, const Error& error, const std::vector<DirtyRange>& dirty) {
  Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  impl.given_back(1);
  DUALSYNC_TRY(impl.usable());
  return impl.finish_ddl(seq, dirty, {}, error);
}

std::optional<TakenDdl> SyncQueue::removal_ahead(const Namespace& ns, SeqNo seq) const {
  const Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  for (const QueuedDdl& ddl : impl.window.ddls()) {
    if (ddl.seq >= seq && ddl.event.moves() && ddl.concerns(ns.db, ns.collection))
      return TakenDdl{ddl.seq, ddl.event, 0};
  }
  return std::nullopt;
}

bool SyncQueue::changes_first(const DirtyRange& range) const {
  const Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  return std::any_of(impl.window.ddls().begin(), impl.window.ddls().end(), [&](const QueuedDdl& ddl) {
    return (ddl.event.moves() || ddl.seq <= range.after_seq) && ddl.concerns(range.ns.db, range.ns.collection);
  });
}

void SyncQueue::hold(const Namespace& ns) {
  MutexLock lock(impl_->mutex);
  impl_->window.set_held(impl_->window.namespace_state(ns.db, ns.collection), true);
}

void SyncQueue::release(const Namespace& ns) {
  Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  NamespaceState* state = impl.window.namespace_state(ns.db, ns.collection);
  impl.window.set_held(state, false);
  if (state->first_skipped != 0 && state->first_skipped < impl.cursor && !planted(Bug::kHeldLost)) {
    impl.cursor = state->first_skipped;
    impl.cursor_time = state->first_skipped_time;
  }
  state->first_skipped = 0;
  for (CondVar& lane : impl.lane_ready) lane.notify_all();
  impl.ddl_ready.notify_all();
}

bool SyncQueue::wait_drained(const Namespace& ns, std::stop_token stop) {
  Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  return impl.drained.wait(impl.mutex, stop, [&] { return impl.broken || impl.window.active_in(ns) == 0; }) &&
         !impl.broken;
}

}  // namespace dualsync
