// WriterGuard: lets this process write to the backup while it holds the lease and local is the right one.
//
// Order    take the lease, ask the backup which local it belongs to, compare; only then the gate opens
// Threads  run() is the thread; give_up() once it has ended and no writer is left; the rest any
// Source   docs/identity-and-lease.md
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "dualsync/base/mutex.h"
#include "dualsync/pipeline/breaker.h"
#include "dualsync/pipeline/lease.h"
#include "dualsync/pipeline/local_guard.h"
#include "dualsync/ports/write_gate.h"

namespace dualsync {

class WriterGuard final : public WriteGate {
 public:
  WriterGuard(LeaseOptions options, LeaseHolder me, std::unique_ptr<BackupState> state, LocalGuard& local,
              const Clock& clock);

  // Asks the backup which local it belongs to. For a first start, before anything of local is taken as right.
  Result<void> ask_backup();

  // kConflict: another process has the lease, from the start or by now. Tells the breaker when the backup is away.
  Result<void> run(std::stop_token stop, CircuitBreaker& breaker);
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
  Result<void> settle();
  Error owned_by_other() const DUALSYNC_REQUIRES(mutex_);

  const Clock& clock_;
  LocalGuard& local_;
  const std::unique_ptr<BackupState> state_;
  bool backup_asked_ = false;             // of the thread of run()
  std::optional<LocalIdentity> written_;  // of the thread of run()
  mutable Mutex mutex_;
  Lease lease_ DUALSYNC_GUARDED_BY(mutex_);
  bool settled_ DUALSYNC_GUARDED_BY(mutex_) = false;
  std::string cause_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
