#include "dualsync/base/result.h"

namespace dualsync {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument: return "invalid_argument";
    case ErrorKind::kConnectivity: return "connectivity";
    case ErrorKind::kThrottled: return "throttled";
    case ErrorKind::kDuplicateKey: return "duplicate_key";
    case ErrorKind::kHeal: return "heal";
    case ErrorKind::kRefused: return "refused";
    case ErrorKind::kNotFound: return "not_found";
    case ErrorKind::kPositionLost: return "position_lost";
    case ErrorKind::kUnsupported: return "unsupported";
    case ErrorKind::kDenied: return "denied";
    case ErrorKind::kQuota: return "quota";
    case ErrorKind::kConflict: return "conflict";
    case ErrorKind::kCorruption: return "corruption";
    case ErrorKind::kIo: return "io";
    case ErrorKind::kStopped: return "stopped";
  }
  return "unknown";
}

}  // namespace dualsync
