// BackupGuard: what the queue holds to be on the backup is true of one backup only. Another one, an empty one, and an
// older state of the same one (put back from a snapshot) are told apart; everything in scope is compared and copied.
//
// Shape    the backup keeps a random id (docs/formats/backup-state.md); the queue's state `backup` that id, with name,
//          epoch and renewal of the newest lease that this backup acknowledged
// Rule     what may be missing is a dirty range, on disk, before the backup gets the id by which the queue knows it: if
//          the process ends in between, it is found out again
// Rule     a backup that grew since (another daemon wrote) is the same one; one whose lease is older than what it
//          acknowledged to us has lost something
// Threads  one owner, the lease's thread; losses() any
// Source   docs/identity-and-lease.md
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "dualsync/base/result.h"
#include "dualsync/model/namespace.h"
#include "dualsync/ports/backup_state.h"
#include "dualsync/queue/sync_queue.h"

namespace dualsync {

inline constexpr std::string_view kStateBackup = "backup";  // name in the queue's state

// What a backup said before this process wrote there.
struct FoundBackup {
  std::string id;                    // empty: it has none
  bool has_local = false;            // it names the local that it is a copy of
  std::optional<LeaseRecord> lease;  // of this scope
};

struct BackupGuardOptions {
  std::string local_db;  // whose copy it is; empty: of all databases
  std::string lease;     // name of the lease
  std::string new_id;    // for a backup that has none
  // What was proven about another backup counts no more.
  std::function<Result<void>()> forget_proofs;
};

class BackupGuard {
 public:
  BackupGuard(SyncQueue& queue, BackupGuardOptions options) : queue_(queue), options_(std::move(options)) {}

  // Everything in scope becomes a dirty range if it is not the backup that the queue knows.
  Result<void> recognise(const FoundBackup& found);
  // The backup has the id, and acknowledged this lease.
  Result<void> remember(const std::string& id, const LeaseRecord& lease);

  const std::string& new_id() const { return options_.new_id; }

  std::uint64_t losses() const { return losses_; }  // since the process started

 private:
  struct Known {
    std::string id;
    std::string lease;  // its name: another scope has another one
    std::int64_t epoch = 0;
    std::int64_t renewal = 0;

    bool operator==(const Known&) const = default;
  };
  Result<std::optional<Known>> known() const;
  // Why this backup cannot be taken for the known one; nothing if it can.
  std::optional<std::string> why_other(const std::optional<Known>& known, const FoundBackup& found) const;

  SyncQueue& queue_;
  const BackupGuardOptions options_;
  std::optional<Known> kept_;  // as it was written last
  std::atomic<std::uint64_t> losses_{0};
};

}  // namespace dualsync
