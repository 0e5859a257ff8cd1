// Exit codes of the command line: a contract, documented in docs/cli.md.
#pragma once

#include "dualsync/base/result.h"

namespace dualsync {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;       // differences, or a failure that has no code of its own
inline constexpr int kExitUsage = 2;        // wrong flag, argument or setting
inline constexpr int kExitUnreachable = 3;  // local (for `verify`: local or the backup) does not answer
inline constexpr int kExitOwned = 4;        // another process owns the data directory, the port or the backup
inline constexpr int kExitExceptions =
    5;  // `wait`: everything else is on the backup, but dead letters or held deletes are open
inline constexpr int kExitTimedOut = 6;  // `wait`: not in time
inline constexpr int kExitNoDaemon = 7;  // the daemon does not answer
inline constexpr int kExitDamaged = 8;   // stored bytes are wrong

constexpr int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument: return kExitUsage;
    case ErrorKind::kConnectivity: return kExitUnreachable;
    case ErrorKind::kConflict: return kExitOwned;
    case ErrorKind::kCorruption: return kExitDamaged;
    default: return kExitFailed;
  }
}

}  // namespace dualsync
