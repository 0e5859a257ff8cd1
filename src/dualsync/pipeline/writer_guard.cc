#include "dualsync/pipeline/writer_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "dualsync/base/log.h"
#include "dualsync/base/mark.h"
#include "dualsync/base/time_text.h"
#include "dualsync/base/waiting.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kSleepMin{5};
constexpr std::chrono::milliseconds kSleepUnsettled{50};
constexpr std::chrono::milliseconds kSleepMax{1000};

std::string describe(const LeaseHolder& holder) {
  return fmt::format("host {}, pid {}, data directory {}, since {}", holder.host, holder.pid, holder.data_dir,
                     iso8601(holder.since_ms));
}

WriterState to_writer_state(Lease::State state) {
  switch (state) {
    case Lease::State::kSeeking: return WriterState::kSeeking;
    case Lease::State::kWatching: return WriterState::kWatching;
    case Lease::State::kHeld: return WriterState::kOwner;
    case Lease::State::kRefused: return WriterState::kRefused;
    case Lease::State::kLost: return WriterState::kLost;
  }
  return WriterState::kSeeking;
}

}  // namespace

WriterGuard::WriterGuard(LeaseOptions options, LeaseHolder me, std::unique_ptr<BackupState> state, LocalGuard& local,
                         BackupGuard& backup, const Clock& clock)
    : clock_(clock), local_(local), state_(std::move(state)), backup_(backup), lease_(options, std::move(me)) {}

Result<void> WriterGuard::ask_backup() {
  auto identity = state_->read_identity();
  if (!identity) return identity.error();
  auto id = state_->read_backup_id();
  if (!id) return id.error();
  found_.id = std::move(*id);
  found_.has_local = identity->has_value();
  local_.backup_belongs_to(*identity);
  return {};
}

Error WriterGuard::owned_by_other() const {
  const std::string who = describe(lease_.other());
  if (lease_.state() == Lease::State::kLost) {
    return {
        ErrorKind::kConflict, "the lease on the backup was lost: another dualsync took it over (" + who + ")",
        "this one was stopped or cut off for longer than SYNC_LEASE_SECONDS and has written nothing since; run only "
        "one dualsync for this backup",
        0};
  }
  return {ErrorKind::kConflict, "another dualsync writes to this backup: " + who,
          "stop that one first; one backup database has one writer", 0};
}

void WriterGuard::failed(const Error& error, CircuitBreaker& breaker) {
  bool held = false;
  bool news = false;
  {
    MutexLock lock(mutex_);
    lease_.no_answer(clock_.since_boot());
    held = lease_.state() == Lease::State::kHeld;
    news = cause_ != error.message;
    cause_ = error.message;
  }
  if (news)
    log::warn("lease", "the backup's lease cannot be asked for", {{"error", error.message}, {"hint", error.hint}});
  // While the lease lasts the lanes find out by themselves.
  breaker.failure(error.message, !held);
}

void WriterGuard::send(const Lease::Request& request, CircuitBreaker& breaker) {
  if (std::holds_alternative<Lease::Read>(request)) {
    auto record = state_->read_lease();
    if (!record) return failed(record.error(), breaker);
    found_.lease = *record;
    if (went_back()) look_again();
    MutexLock lock(mutex_);
    cause_.clear();
    return lease_.read_answer(*record, clock_.since_boot());
  }
  const auto& write = std::get<Lease::Write>(request);
  DUALSYNC_MARK("lease-asked");
  auto won = state_->replace_lease(write.expected, write.next);
  DUALSYNC_MARK("lease-answered");
  if (!won) return failed(won.error(), breaker);
  if (!*won) look_again();
  MutexLock lock(mutex_);
  cause_.clear();
  lease_.write_answer(*won, clock_.since_boot());
}

// The lease is ours, and older than what the backup acknowledged, or gone.
bool WriterGuard::went_back() const {
  MutexLock lock(mutex_);
  if (lease_.state() != Lease::State::kHeld) return false;
  const LeaseRecord& mine = lease_.mine();
  return !found_.lease || std::tie(found_.lease->epoch, found_.lease->renewal) < std::tie(mine.epoch, mine.renewal);
}

// The lease is not as we left it: an answer was lost, or another backup stands at the same address.
void WriterGuard::look_again() {
  backup_asked_ = false;
  backup_id_.clear();
  MutexLock lock(mutex_);
  settled_ = false;
}

void WriterGuard::report(Lease::State before) {
  MutexLock lock(mutex_);
  if (lease_.state() == before) return;
  if (lease_.state() == Lease::State::kHeld) log::info("lease", "this process writes to the backup");
  if (lease_.state() == Lease::State::kWatching) {
    log::warn("lease", "another dualsync has the lease on the backup; waiting to see whether it is alive",
              {{"holder", describe(lease_.other())}, {"wait_ms_max", lease_.watch_time().count()}});
  }
}

// Which local the backup belongs to, once we are its writer; then ours is kept there, whenever it changes.
Result<void> WriterGuard::settle() {
  if (!backup_asked_) {
    DUALSYNC_TRY(ask_backup());
    backup_asked_ = true;
  }
  const auto identity = local_.identity();
  if (!identity) return {};
  if (identity == written_ && !backup_id_.empty()) return remember();
  {
    MutexLock lock(mutex_);
    if (!lease_.may_write(clock_.since_boot())) return {};
  }
  DUALSYNC_MARK("identity-found");
  if (backup_id_.empty()) {
    DUALSYNC_TRY(backup_.recognise(found_));
    DUALSYNC_MARK("backup-recognised");
    DUALSYNC_TRY(name_backup());
    DUALSYNC_MARK("backup-named");
    written_.reset();
  }
  DUALSYNC_TRY(state_->write_identity(*identity));
  DUALSYNC_MARK("identity-written");
  DUALSYNC_TRY(remember());
  written_ = identity;
  DUALSYNC_TRY(local_.adopted());
  MutexLock lock(mutex_);
  settled_ = true;
  return {};
}

// Daemons of other databases may give it one at the same moment: the first one counts.
Result<void> WriterGuard::name_backup() {
  if (found_.id.empty()) {
    DUALSYNC_TRY(state_->give_backup_id(backup_.new_id()));
    auto id = state_->read_backup_id();
    if (!id) return id.error();
    found_.id = std::move(*id);
  }
  backup_id_ = found_.id;
  return {};
}

Result<void> WriterGuard::remember() {
  LeaseRecord acknowledged;
  {
    MutexLock lock(mutex_);
    acknowledged = lease_.mine();
  }
  return backup_.remember(backup_id_, acknowledged);
}

Result<std::chrono::milliseconds> WriterGuard::step(CircuitBreaker& breaker) {
  std::optional<Lease::Request> request;
  auto before = Lease::State::kSeeking;
  {
    MutexLock lock(mutex_);
    before = lease_.state();
    request = lease_.request(clock_.since_boot());
  }
  if (request) {
    send(*request, breaker);
    report(before);
  }
  {
    MutexLock lock(mutex_);
    if (lease_.final()) return owned_by_other();
    if (lease_.state() != Lease::State::kHeld) return pause_before_next();
  }
  if (auto settled = settle(); !settled) {
    if (settled.error().kind == ErrorKind::kCorruption) return settled.error();
    log::warn("lease", "the identity of local cannot be kept on the backup", {{"error", settled.error().message}});
    return kSleepMax;
  }
  MutexLock lock(mutex_);
  return pause_before_next();
}

std::chrono::milliseconds WriterGuard::pause_before_next() const {
  const auto until = lease_.wake_at() - clock_.since_boot();
  return std::clamp(std::chrono::duration_cast<std::chrono::milliseconds>(until), kSleepMin,
                    settled_ ? kSleepMax : kSleepUnsettled);
}

Result<void> WriterGuard::run(std::stop_token stop, CircuitBreaker& breaker) {
  while (!stop.stop_requested()) {
    const auto pause = step(breaker);
    if (!pause) return pause.error();
    sleep_for(*pause, stop);
  }
  return {};
}

void WriterGuard::give_up() {
  std::optional<Lease::Write> write;
  {
    MutexLock lock(mutex_);
    write = lease_.give_up();
  }
  if (!write) return;
  DUALSYNC_MARK("lease-given-up");
  if (auto given = state_->replace_lease(write->expected, write->next); !given) {
    log::info("lease", "the lease could not be given up; a successor elsewhere waits until it has run out",
              {{"error", given.error().message}});
  }
}

Result<void> WriterGuard::may_write() const {
  const auto view = local_.view();
  if (view.trust == LocalTrust::kWrong)
    return Error{ErrorKind::kConnectivity, "nothing is written to the backup: " + view.cause, "", 0};
  MutexLock lock(mutex_);
  if (settled_ && view.trust == LocalTrust::kRight && lease_.may_write(clock_.since_boot())) return {};
  return Error{ErrorKind::kConnectivity, "the lease on the backup is not ours at the moment", "", 0};
}

WriterGuard::View WriterGuard::view() const {
  MutexLock lock(mutex_);
  View view{to_writer_state(lease_.state()), cause_};
  if (lease_.final()) view.cause = owned_by_other().message;
  if (lease_.state() == Lease::State::kWatching) {
    view.cause =
        "another dualsync has the lease (" + describe(lease_.other()) + "); waiting to see whether it is alive";
  }
  return view;
}

}  // namespace dualsync
