// What the moving parts share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "dualsync/base/clock.h"
#include "dualsync/model/on_drop.h"
#include "dualsync/model/scope.h"
#include "dualsync/pipeline/breaker.h"
#include "dualsync/pipeline/delete_guard.h"
#include "dualsync/pipeline/namespace_gate.h"
#include "dualsync/pipeline/pause.h"
#include "dualsync/pipeline/rate_limiter.h"
#include "dualsync/ports/sides.h"
#include "dualsync/ports/write_gate.h"
#include "dualsync/queue/sync_queue.h"

namespace dualsync {

struct PipelineOptions {
  std::size_t lanes = 4;
  // Local is lost: what cannot be made whole without it is sent as it is, or put back as it was.
  bool without_local = false;
  bool durable = true;  // the queue is on disk
  bool strict = false;  // local's order across everything: one lane, and commands that stop where they fail
  std::size_t copy_threads = 2;
  std::chrono::milliseconds capture_pause{0};  // see Capture
  std::size_t batch_size = 100;
  std::size_t batch_max = 10'000;
  std::uint32_t retries_max = 5;
  std::chrono::milliseconds worker_interval{100};
  std::uint64_t operations_per_second = 0;  // sent to the backup; 0: no limit
  std::uint64_t bytes_per_second = 0;
  OnDrop on_drop = OnDrop::kArchive;
  int mass_delete_percent = 50;                    // of a collection; 0: DeleteGuard does nothing
  std::chrono::milliseconds drop_retention{0};     // of archives; 0: for ever
  std::chrono::milliseconds ddl_poll_interval{0};  // see PolledDdl; 0: when the stream is opened only
  std::string canary_key;                          // {_id: ...} of our canary; empty: none is mirrored
  std::string data_dir_trouble;                    // for the status
  std::string proof_dir;                           // where commands leave what they proved; empty: nowhere
};

// Counted since the process started.
struct PipelineCounters {
  std::atomic<std::uint64_t> conflicts{0};
  std::atomic<std::uint64_t> loose_deltas{0};  // see WriteItem::loose
  std::atomic<std::uint64_t> gaps{0};
  std::atomic<std::uint64_t> malformed_events{0};
  std::atomic<std::uint64_t> bytes_sent{0};
  // Unix time, ms. What was enqueued before may be on the backup already, in an older form: an earlier process or a
  // connection ended before the backup's answer came.
  std::atomic<std::int64_t> maybe_written_until_ms{0};
};

class MirrorMetrics;
class TimeSeriesList;

struct PipelineContext {
  PipelineOptions options;
  const Scope& scope;
  LocalSide& local;
  BackupSide& backup;
  SyncQueue& queue;
  CircuitBreaker& breaker;
  PipelineCounters& counters;
  const Clock& clock;
  RateLimiter* limiter = nullptr;                                                 // none: no limits
  const WriteGate* gate = nullptr;                                                // null: everything may be written
  std::shared_ptr<NamespaceGate> lanes_gate = std::make_shared<NamespaceGate>();  // never null

  MirrorMetrics* metrics = nullptr;       // null: nobody asks for them (tests)
  const Pause* pause = nullptr;           // null: nobody pauses (tests)
  DeleteGuard* delete_guard = nullptr;    // null: nothing is guarded (tests, and `drain`)
  TimeSeriesList* time_series = nullptr;  // null: nobody asks for them (tests)

  bool paused() const { return pause != nullptr && pause->active(); }
  bool may_write() const { return !paused() && (gate == nullptr || gate->may_write().ok()); }
};

}  // namespace dualsync
