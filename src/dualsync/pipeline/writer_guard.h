// WriterGuard: lets this process write to the backup while it holds the lease and local is the right one.
//
// Order    take the lease, ask the backup which local it belongs to and whether it is the known one, compare; only then
//          the gate opens. It closes when the lease is found to be another than we left it, until both are asked again
// Threads  run() is the thread; give_up() once it has ended and no writer is left; the rest any
// Source   docs/identity-and-lease.md
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "dualsync/base/mutex.h"
#include "dualsync/pipeline/backup_guard.h"
#include "dualsync/pipeline/breaker.h"
#include "dualsync/pipeline/lease.h"
#include "dualsync/pipeline/local_guard.h"
#include "dualsync/ports/write_gate.h"

namespace dualsync {

class WriterGuard final : public WriteGate {
 public:
  WriterGuard(LeaseOptions options, LeaseHolder me, std::unique_ptr<BackupState> state, LocalGuard& local,
              BackupGuard& backup, const Clock& clock);

  // Asks the backup which local it belongs to. For a first start, before anything of local is taken as right.
  Result<void> ask_backup();

  // kConflict: another process has the lease, from the start or by now. Tells the breaker when the backup is away.
  Result<void> run(std::stop_token stop, CircuitBreaker& breaker);
  // What is due now; how long to sleep after it. For run(), and for tests.
  Result<std::chrono::milliseconds> step(CircuitBreaker& breaker);
  void give_up();

  Result<void> may_write() const override;

  struct View {
    WriterState state = WriterState::kSeeking;
    std::string cause;
  };
  View view() const;

 private:
  void send(const Lease::Request& request, CircuitBreaker& breaker);
  void failed(const Error& error, CircuitBreaker& breaker);
  void report(Lease::State before);
  bool went_back() const;
  void look_again();
  std::chrono::milliseconds pause_before_next() const DUALSYNC_REQUIRES(mutex_);
  Result<void> settle();
  Result<void> name_backup();
  Result<void> remember();
  Error owned_by_other() const DUALSYNC_REQUIRES(mutex_);

  const Clock& clock_;
  LocalGuard& local_;
  const std::unique_ptr<BackupState> state_;
  BackupGuard& backup_;
  // Of the thread of run():
  bool backup_asked_ = false;
  FoundBackup found_;      // with the newest lease that was read
  std::string backup_id_;  // empty: not recognised yet
  std::optional<LocalIdentity> written_;
  mutable Mutex mutex_;
  Lease lease_ DUALSYNC_GUARDED_BY(mutex_);
  bool settled_ DUALSYNC_GUARDED_BY(mutex_) = false;
  std::string cause_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
