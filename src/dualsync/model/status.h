// Status: one consistent picture of the mirror, from which metrics, health, `status` and alerts are all derived, so
// that they say the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/model/canary.h"
#include "dualsync/model/held_deletes.h"
#include "dualsync/model/op_time.h"
#include "dualsync/model/owed_index.h"
#include "dualsync/model/reconcile.h"
#include "dualsync/model/time_series.h"

namespace dualsync {

enum class Verdict : std::uint8_t { kHealthy, kDegraded, kUnhealthy };
constexpr std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHealthy: return "healthy";
    case Verdict::kDegraded: return "degraded";
    case Verdict::kUnhealthy: return "unhealthy";
  }
  return "unknown";
}

enum class BreakerState : std::uint8_t { kClosed, kOpen, kHalfOpen };
constexpr std::string_view to_string(BreakerState state) {
  switch (state) {
    case BreakerState::kClosed: return "closed";
    case BreakerState::kOpen: return "open";
    case BreakerState::kHalfOpen: return "half-open";
  }
  return "unknown";
}

enum class CaptureState : std::uint8_t { kDisabled, kConnecting, kStreaming, kStandalone, kFailed };
constexpr std::string_view to_string(CaptureState state) {
  switch (state) {
    case CaptureState::kDisabled: return "disabled";
    case CaptureState::kConnecting: return "connecting";
    case CaptureState::kStreaming: return "streaming";
    case CaptureState::kStandalone: return "standalone";
    case CaptureState::kFailed: return "failed";
  }
  return "unknown";
}

// True while local answers: as a change stream, or as far as a standalone server can.
constexpr bool is_reading(CaptureState state) {
  return state == CaptureState::kStreaming || state == CaptureState::kStandalone;
}

// Whether this process may write to the backup.
enum class WriterState : std::uint8_t { kSeeking, kWatching, kOwner, kRefused, kLost };
constexpr std::string_view to_string(WriterState state) {
  switch (state) {
    case WriterState::kSeeking: return "seeking";
    case WriterState::kWatching: return "watching";
    case WriterState::kOwner: return "owner";
    case WriterState::kRefused: return "refused";
    case WriterState::kLost: return "lost";
  }
  return "unknown";
}

// Whether local is the one that our position and the backup belong to.
enum class LocalTrust : std::uint8_t { kUnknown, kRight, kWrong };
constexpr std::string_view to_string(LocalTrust trust) {
  switch (trust) {
    case LocalTrust::kUnknown: return "unknown";
    case LocalTrust::kRight: return "right";
    case LocalTrust::kWrong: return "wrong";
  }
  return "unknown";
}

struct Reason {
  std::string code;     // stable, for programs: "breaker-open"
  std::string message;  // what is so
  std::string hint;     // what to do
};

struct CopyStatus {
  bool running = false;
  std::uint64_t namespaces_total = 0;
  std::uint64_t namespaces_done = 0;
  std::uint64_t documents_total = 0;  // the server's estimate
  std::uint64_t documents_done = 0;
  std::string current;  // a namespace being copied or compared
};

// A namespace that could not be copied or repaired, time and again; it is tried on.
struct RefusedRepair {
  Namespace ns;
  std::string cause;
};

struct LaneStatus {
  std::uint64_t in_flight = 0;   // operations of the batch that is being sent now
  std::uint64_t batch_size = 0;  // most operations that it takes at a time, as the backup's answers have shaped it
  std::uint64_t batches = 0;     // sent since the start
  std::uint64_t last_batch_ms = 0;
};

struct Status {
  bool enabled = false;
  std::optional<std::int64_t> paused_since_ms;  // Unix time; none: nobody paused applying
  Verdict verdict = Verdict::kHealthy;
  std::vector<Reason> reasons;
  std::int64_t uptime_seconds = 0;

  std::uint64_t total_operations = 0;  // captured
  std::uint64_t successful_syncs = 0;  // acknowledged by the backup
  std::uint64_t failed_syncs = 0;      // refused, whether tried again or not
  std::uint64_t queue_size = 0;        // operations waiting or in flight
  std::uint64_t queue_bytes = 0;
  double avg_sync_ms = 0;                    // enqueue to acknowledgement
  std::optional<std::int64_t> last_sync_ms;  // Unix time
  double rpo_seconds = 0;
  std::uint64_t coalesced_operations = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t dead_letters = 0;
  std::vector<HeldDeletes> held;   // collections in which the mass-delete guard keeps documents
  std::uint64_t held_deletes = 0;  // documents on which nobody has decided
  std::uint64_t guard_trips = 0;   // since the start
  std::uint64_t dirty_ranges = 0;
  // Namespaces to be copied, compared or repaired, whoever asked for it. Time series that were mirrored once are not
  // among them: what their server tells of may keep them at it for ever, and a comparison knows what is newer than
  // the mirror.
  std::uint64_t repairs_due = 0;
  std::vector<RefusedRepair> refused_repairs;
  std::vector<OwedIndex> owed;
  std::uint64_t owed_indexes = 0;      // indexes that could not be built on the backup yet
  std::uint64_t payloads_dropped = 0;  // operations that became touches because the queue was over its bounds
  std::uint64_t ranges_dropped = 0;    // namespaces that became dirty ranges because of it
  bool over_bounds = false;
  bool disk_low = false;               // less than SYNC_DISK_RESERVE_BYTES is free
  std::string data_dir_trouble;        // why SYNC_DATA_DIR_FALLBACK is in use; empty: it is not
  std::uint64_t gaps = 0;              // times local had lost our position or the backup was another one
  std::uint64_t malformed_events = 0;  // change events we did not understand; each made a touch or a dirty range
  BreakerState breaker = BreakerState::kClosed;
  std::int64_t breaker_seconds = 0;  // since it left `closed`
  std::string breaker_cause;
  CaptureState capture = CaptureState::kConnecting;
  std::string capture_cause;
  LocalTrust local = LocalTrust::kUnknown;
  std::string local_cause;
  WriterState writer = WriterState::kSeeking;
  std::string writer_cause;
  OpTime capture_position;
  OpTime applied_position;  // null until the first copy has ended
  OpTime verified_until;
  std::optional<std::int64_t> last_proven_restore_ms;
  CanaryStatus canary;
  ReconcileStatus reconcile;
  std::optional<std::int64_t> oplog_window_seconds;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_saved = 0;  // payloads that coalescing made needless
  CopyStatus copy;
  std::vector<TimeSeriesStatus> time_series;  // not live: mirrored by comparing
  std::vector<LaneStatus> lanes;
};

struct WaitOutcome {
  enum class Kind : std::uint8_t { kDone, kTimedOut, kExceptions };
  Kind kind = Kind::kTimedOut;
  OpTime target;  // local's cluster time when the call was made
  OpTime applied;
  std::string blocked_by;  // what stands in the way, in words
  std::uint64_t dead_letters = 0;
  std::uint64_t held_deletes = 0;
};

}  // namespace dualsync
