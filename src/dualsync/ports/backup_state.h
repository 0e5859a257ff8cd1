// BackupState: what we keep on the backup beside the user's data: who may write to it, and to which
//          local it belongs.
//
// Shape    one small collection, acknowledged by the majority: `dualsync.state`, or `__dualsync` in the scope's own
//          database where the user may use no other. docs/formats/backup-state.md
// Order    a write takes effect only if the document is still what the caller read: of two writers one wins
// Threads  one owner
// Errors   kConnectivity: a write may or may not have happened. kDenied: neither place may be used
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "dualsync/base/result.h"
#include "dualsync/model/local_identity.h"

namespace dualsync {

// One running process, as another one names it.
struct LeaseHolder {
  std::string installation;  // of the data directory, kept in its queue; empty: nobody, the lease was given up
  std::string process;       // random, new at each start
  std::string boot;          // of the machine's current boot
  std::string host;
  std::int64_t pid = 0;
  std::string data_dir;
  std::int64_t since_ms = 0;  // Unix time at which it took the lease; for people

  bool operator==(const LeaseHolder&) const = default;
};

struct LeaseRecord {
  std::int64_t epoch = 0;    // grows with every change of the holder
  std::int64_t renewal = 0;  // grows with every write of the holder
  LeaseHolder holder;
  std::chrono::milliseconds duration{0};  // a holder that has not renewed for so long sends nothing any more
  std::chrono::milliseconds timeout{0};   // and so long later nothing that it sent is still on its way

  bool held() const { return !holder.installation.empty(); }
  bool operator==(const LeaseRecord&) const = default;
};

class BackupState {
 public:
  virtual ~BackupState() = default;

  virtual Result<std::optional<LeaseRecord>> read_lease() = 0;
  // Writes `next` if the stored one still has the epoch and the renewal of `expected` (nullopt: if there is none).
  // False: somebody else was first, and nothing was changed.
  virtual Result<bool> replace_lease(const std::optional<LeaseRecord>& expected, const LeaseRecord& next) = 0;

  virtual Result<std::optional<LocalIdentity>> read_identity() = 0;
  // For the holder of the lease only.
  virtual Result<void> write_identity(const LocalIdentity& identity) = 0;

  // A random text that tells this backup from any other, whatever is mirrored to it; empty: it has none yet.
  virtual Result<std::string> read_backup_id() = 0;
  // Nothing happens if it has one by now.
  virtual Result<void> give_backup_id(const std::string& id) = 0;
};

}  // namespace dualsync
