#include "dualsync/pipeline/delete_guard.h"

#include <algorithm>
#include <utility>

#include "dualsync/base/log.h"
#include "dualsync/base/time_text.h"
#include "dualsync/base/waiting.h"
#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

constexpr std::string_view kStateGuard = "guard/";  // and the namespace
constexpr std::chrono::milliseconds kGuardLook{100};
constexpr std::chrono::minutes kForgetAfter{10};

std::string guard_state_name(const Namespace& ns) { return std::string(kStateGuard) + ns.full(); }

std::int64_t number(std::string_view bytes, const char* name) {
  bson_iter_t iter;
  return find_field(bytes, name, &iter) ? bson_iter_as_int64(&iter) : 0;
}

}  // namespace

DeleteGuard::DeleteGuard(int percent, const Scope& scope, LocalSide& local, BackupSide& backup, SyncQueue& queue,
                         const Clock& clock)
    : percent_(percent), scope_(scope), local_(local), backup_(backup), queue_(queue), clock_(clock) {}

Result<void> DeleteGuard::load() {
  auto kept = queue_.list_state(kStateGuard);
  if (!kept) return kept.error();
  MutexLock lock(mutex_);
  for (const auto& [name, bytes] : *kept) {
    Watch& watch = watches_[Namespace::parse(name)];
    watch.phase = static_cast<Phase>(std::clamp<std::int64_t>(number(bytes, "phase"), 0, 2));
    if (percent_ == 0 && watch.phase == Phase::kSuspect) watch.phase = Phase::kCalm;
    watch.decision = static_cast<Decision>(std::clamp<std::int64_t>(number(bytes, "decision"), 0, 2));
    watch.until = OpTime::unpack(static_cast<std::uint64_t>(number(bytes, "until")));
    watch.documents = number(bytes, "documents");
    watch.deletes = number(bytes, "deletes");
    watch.since_ms = number(bytes, "sinceMs");
    watch.last_delete = clock_.now();
    watch.second = static_cast<std::uint32_t>(number(bytes, "second"));
    watch.captured.add_deletes(watch.second, watch.deletes);
  }
  count_uncalm();
  return {};
}

Result<void> DeleteGuard::keep(const Namespace& ns, const Watch& watch) {
  count_uncalm();
  if (watch.calm()) return queue_.put_state(guard_state_name(ns), "");
  BsonDoc out;
  BSON_APPEND_INT32(out.get(), "phase", static_cast<std::int32_t>(watch.phase));
  BSON_APPEND_INT32(out.get(), "decision", static_cast<std::int32_t>(watch.decision));
  BSON_APPEND_INT64(out.get(), "until", static_cast<std::int64_t>(watch.until.packed()));
  BSON_APPEND_INT64(out.get(), "documents", watch.documents);
  BSON_APPEND_INT64(out.get(), "deletes", watch.deletes);
  BSON_APPEND_INT64(out.get(), "second", watch.second);
  BSON_APPEND_INT64(out.get(), "sinceMs", watch.since_ms);
  return queue_.put_state(guard_state_name(ns), out.str());
}

void DeleteGuard::count_uncalm() {
  uncalm_ = static_cast<std::size_t>(
      std::count_if(watches_.begin(), watches_.end(), [](const auto& one) { return !one.second.calm(); }));
}

Result<void> DeleteGuard::noted(const Namespace& ns, Watch* watch) {
  const std::int64_t in_windows = std::max(watch->captured.take_peak(), watch->foreign.take_peak());
  // Of one accident, however long it takes: decide() has to know how much is left.
  watch->deletes = watch->phase == Phase::kHeld ? std::max(watch->deletes, in_windows) : in_windows;
  watch->last_delete = clock_.now();
  if (watch->phase == Phase::kCalm) {
    if (watch->second >= watch->allowed_until) watch->allowed = kFreeMin;
    if (watch->deletes > kFreeMin) watch->allowed_until = watch->second + DeleteWindow::kSeconds;
    if (watch->deletes <= watch->allowed) return {};
    watch->phase = Phase::kSuspect;
    watch->since_ms = clock_.unix_ms();
  }
  // As it grows, so that a restart goes on from there.
  return watch->phase == Phase::kSuspect ? keep(ns, *watch) : Result<void>();
}

Result<void> DeleteGuard::note_captured(std::span<const OperationView> operations) {
  if (percent_ == 0) return {};
  MutexLock lock(mutex_);
  Namespace ns;
  Watch* watch = nullptr;
  bool known = false;
  std::map<Namespace, Watch*> grown;
  for (const OperationView& op : operations) {
    const bool deleted = op.kind == OpKind::kDelete;
    if (!deleted && (op.kind != OpKind::kInsert || watches_.empty())) continue;
    if (!known || op.collection != ns.collection || op.db != ns.db) {
      ns = op.ns();
      const auto found = watches_.find(ns);
      watch = found == watches_.end() ? nullptr : &found->second;
      known = true;
    }
    if (deleted) {
      if (watch == nullptr) watch = &watches_[ns];
      watch->captured.add_deletes(watch->second = op.last_time.t, 1);
      grown[ns] = watch;
    } else if (watch != nullptr) {
      watch->captured.add_insert(op.last_time.t);
    }
  }
  for (const auto& [which, one] : grown) DUALSYNC_TRY(noted(which, one));
  return {};
}

Result<void> DeleteGuard::note_foreign(const Namespace& ns, OpTime now, std::size_t documents) {
  if (percent_ == 0 || documents == 0) return {};
  MutexLock lock(mutex_);
  Watch& watch = watches_[ns];
  watch.foreign.add_deletes(watch.second = now.t, static_cast<std::int64_t>(documents));
  return noted(ns, &watch);
}

Result<void> DeleteGuard::follow(const DdlEvent& event) {
  if (!event.moves()) return {};
  MutexLock lock(mutex_);
  const bool rename = event.type == DdlEvent::Type::kRename;
  Watch moved;
  for (auto it = watches_.begin(); it != watches_.end();) {
    const Namespace& ns = it->first;
    const bool source = event.type == DdlEvent::Type::kDropDatabase ? ns.db == event.ns.db : ns == event.ns;
    if (!source && !(rename && ns == event.to)) {
      ++it;
      continue;
    }
    if (source) moved = it->second;
    DUALSYNC_TRY(queue_.put_state(guard_state_name(ns), ""));
    it = watches_.erase(it);
  }
  count_uncalm();
  if (!rename || moved.calm()) return {};
  return keep(event.to, watches_[event.to] = moved);
}

DeleteGuard::Verdict DeleteGuard::verdict(const Namespace& ns, OpTime time) const {
  if (uncalm_ == 0) return Verdict::kGo;
  MutexLock lock(mutex_);
  const auto found = watches_.find(ns);
  if (found == watches_.end()) return Verdict::kGo;
  const Watch& watch = found->second;
  if (watch.decision != Decision::kNone && time <= watch.until)
    return watch.decision == Decision::kRelease ? Verdict::kGo : Verdict::kDiscard;
  switch (watch.phase) {
    case Phase::kCalm: return Verdict::kGo;
    case Phase::kSuspect: return Verdict::kWait;
    case Phase::kHeld: return Verdict::kHold;
  }
  return Verdict::kGo;
}

// What the collection held before the deletes: the larger of what the backup has and what local would have without
// them. Either alone is too low while the other is behind, and a collection must not be taken for a smaller one.
Result<std::int64_t> DeleteGuard::count_documents(const Namespace& ns, std::int64_t deletes) {
  if (!backup_reader_) backup_reader_ = backup_.make_reader();
  if (!local_reader_) local_reader_ = local_.make_reader();
  auto there = backup_reader_->estimated_count(scope_.to_backup(ns));
  if (!there) return there.error();
  const auto here = local_reader_->estimated_count(ns);
  return std::max(static_cast<std::int64_t>(*there), here ? static_cast<std::int64_t>(*here) + deletes : 0);
}

void DeleteGuard::judge(const Namespace& ns, std::int64_t documents) {
  MutexLock lock(mutex_);
  const auto found = watches_.find(ns);
  if (found == watches_.end() || found->second.phase != Phase::kSuspect) return;
  Watch& watch = found->second;
  if (watch.decision != Decision::kNone) return;  // first what was decided, or it would be taken for this
  const bool guarded = documents >= kDocumentsMin;
  if (guarded && watch.deletes * 100 > percent_ * documents) {
    watch.phase = Phase::kHeld;
    watch.documents = documents;
    ++trips_;
    log::error("guard", "most of a collection was deleted at once; the backup keeps it until you decide",
               {{"namespace", ns.full()},
                {"deletes", watch.deletes},
                {"documents", documents},
                {"hint", "`dualsync release " + ns.full() + "` deletes them on the backup too, `dualsync discard " +
                             ns.full() + "` keeps them there"}});
  } else {
    const std::int64_t free = guarded ? std::max(kFreeMin, documents * kFreePercent / 100) : kFreeMin;
    const bool paused = clock_.now() - watch.last_delete >= kPause;
    if (guarded && watch.deletes > free && !paused) return;
    watch.allowed = guarded && watch.deletes <= free ? free : watch.deletes + free;
    watch.allowed_until = watch.second + DeleteWindow::kSeconds;
    watch.phase = Phase::kCalm;
  }
  ignore_error(keep(ns, watch), "the disk is in trouble, which the queue reports; it is judged again after a restart");
}

// A batch that was on its way when somebody decided may still withhold some.
void DeleteGuard::finish(const Namespace& ns, OpTime until) {
  const bool settled = queue_.settled_position() >= until;
  const auto given = queue_.give_back_withheld(ns, until);
  if (!settled || !given || *given > 0) return;
  MutexLock lock(mutex_);
  const auto found = watches_.find(ns);
  if (found == watches_.end() || found->second.until != until) return;
  found->second.decision = Decision::kNone;
  ignore_error(keep(ns, found->second), "decided once more after a restart, which finds nothing left");
}

void DeleteGuard::step() {
  std::vector<std::pair<Namespace, Watch>> looked_at;
  {
    MutexLock lock(mutex_);
    const SteadyTime now = clock_.now();
    std::erase_if(watches_,
                  [&](const auto& one) { return one.second.calm() && now - one.second.last_delete > kForgetAfter; });
    if (uncalm_ == 0) return;
    for (const auto& [ns, watch] : watches_) {
      if (!watch.calm()) looked_at.emplace_back(ns, watch);
    }
  }
  for (const auto& [ns, watch] : looked_at) {
    if (watch.decision != Decision::kNone) {
      finish(ns, watch.until);
    } else if (watch.phase == Phase::kSuspect) {
      // Without the backup nothing can be deleted there either.
      if (const auto documents = count_documents(ns, watch.deletes)) judge(ns, *documents);
    }
  }
}

Result<void> DeleteGuard::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    step();
    sleep_for(kGuardLook, stop);
  }
  return {};
}

Result<std::uint64_t> DeleteGuard::decide(const Namespace& ns, bool release) {
  OpTime until;
  {
    MutexLock lock(mutex_);
    const auto found = watches_.find(ns);
    const auto held = queue_.withheld();
    const bool any = std::any_of(held.begin(), held.end(),
                                 [&](const WithheldNamespace& one) { return one.ns == ns && one.held > 0; });
    if (!any && (found == watches_.end() || found->second.phase != Phase::kHeld)) {
      return Error{ErrorKind::kNotFound, "no deletes are held in " + ns.full(),
                   "`dualsync status` names the collections that have some", 0};
    }
    Watch decided = found == watches_.end() ? Watch() : found->second;
    decided.phase = Phase::kCalm;
    decided.decision = release ? Decision::kRelease : Decision::kDiscard;
    decided.until = until = queue_.position().time;
    decided.captured.clear();
    decided.foreign.clear();
    // The same deletes, still going on, are no news, but there can be no more of them than there were documents left.
    decided.allowed = std::max(kFreeMin, decided.documents - decided.deletes);
    decided.allowed_until = std::max(decided.second, until.t) + DeleteWindow::kSeconds;
    decided.deletes = 0;
    DUALSYNC_TRY(keep(ns, decided));
    watches_[ns] = std::move(decided);
    count_uncalm();
  }
  log::warn("guard", release ? "held deletes are released to the backup" : "held deletes are discarded",
            {{"namespace", ns.full()}});
  return queue_.give_back_withheld(ns, until);
}

std::vector<HeldDeletes> DeleteGuard::view() const {
  std::map<Namespace, HeldDeletes> found;
  for (const WithheldNamespace& one : queue_.withheld())
    found[one.ns] = {one.ns, false, one.held, one.discarded, 0, 0, one.since_ms};
  MutexLock lock(mutex_);
  for (const auto& [ns, watch] : watches_) {
    if (watch.phase != Phase::kHeld) continue;
    HeldDeletes& one = found[ns];
    one.ns = ns;
    one.held = true;
    one.deletes = static_cast<std::uint64_t>(watch.deletes);
    one.of = static_cast<std::uint64_t>(watch.documents);
    one.since_ms = watch.since_ms;
  }
  std::vector<HeldDeletes> views;
  for (auto& [ns, one] : found) views.push_back(std::move(one));
  return views;
}

}  // namespace dualsync
