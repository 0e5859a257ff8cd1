// Which errors of the backup concern one collection or index only.
//
// Threads  a pure function
#pragma once

#include "dualsync/base/result.h"

namespace dualsync {

// True: the backup refuses this one thing, and everything else may go on. False: it is away, full or lets nobody in, or
// the queue failed. A missing right (13) is a refusal: the user may write documents all the same.
inline bool is_refusal(const Error& error) {
  constexpr int kUnauthorized = 13;
  switch (error.kind) {
    case ErrorKind::kConnectivity:
    case ErrorKind::kThrottled:
    case ErrorKind::kQuota:
    case ErrorKind::kCorruption:
    case ErrorKind::kIo:
    case ErrorKind::kStopped: return false;
    case ErrorKind::kDenied: return error.code == kUnauthorized;
    case ErrorKind::kInvalidArgument:
    case ErrorKind::kDuplicateKey:
    case ErrorKind::kHeal:
    case ErrorKind::kRefused:
    case ErrorKind::kNotFound:
    case ErrorKind::kPositionLost:
    case ErrorKind::kUnsupported:
    case ErrorKind::kConflict: return true;
  }
  return false;
}

}  // namespace dualsync
