// Values that go in and out of the queue.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dualsync/base/clock.h"
#include "dualsync/base/result.h"
#include "dualsync/codec/ddl_event.h"
#include "dualsync/model/dead_letter.h"
#include "dualsync/model/operation.h"
#include "dualsync/model/position.h"
#include "dualsync/model/withheld.h"
#include "dualsync/queue/overflow.h"

namespace rocksdb {
class Env;
}

namespace dualsync {

struct QueueOptions {
  std::string directory;
  bool persist = true;  // false: operations are kept in memory only (queue_memory.h)
  std::size_t lanes = 4;
  bool strict = false;  // local's order across everything: nothing merges, and there must be one lane
  std::size_t memory_operations = 10'000;  // decoded operations in memory; the rest stays on disk
  std::size_t memory_bytes = 16U << 20U;   // and their bytes; one larger operation alone is let through
  // Documents in the index of what only the disk holds, before it goes there, too: the table's most within 6 MiB.
  std::size_t index_operations = 183'000;
  std::size_t recent_records = 1U << 14U;  // small records that are kept in memory although only the disk holds them
  const Clock* clock = &system_clock();
  rocksdb::Env* env = nullptr;  // tests swap the disk
  OverflowBounds bounds;
  std::function<std::optional<std::uint64_t>()> free_bytes;  // empty: of the directory's file system
};

// A namespace that must be compared and repaired.
struct DirtyRange {
  Namespace ns;
  std::string reason;
  OpTime gap_start;         // every write after it may be missing on the backup; null: everything may
  bool first_copy = false;  // from the first start: nothing was ever copied
  std::string progress;     // BSON of whoever works on it; empty at first
  SeqNo after_seq = 0;     // what is missing lies up to this place of the queue: a DDL change before it settles nothing
  std::uint64_t gap = 0;   // given by the queue: a gap found later has another; 0 marks a new one
  bool requested = false;  // somebody asked for it: nothing is known to be missing, and it can be cancelled
  bool keep_extra = false;  // what only the backup has stays there
  // The stream told that the name stands for another collection than the one that was copied there: what only the
  // backup has is that one's, and no loss.
  bool other_collection = false;
  // Given by the queue: newest_gap() when the namespace became dirty. It stays until all of it is repaired, so what was
  // marked up to a `newest_gap` is repaired once the namespace has no range, or one of a greater number.
  std::uint64_t since = 0;

  // Nothing is known to be missing: the applied position does not wait for it.
  static constexpr OpTime kNoGap{UINT32_MAX, UINT32_MAX};
};

// What capture hands over: stored whole or not at all.
struct AppendBatch {
  std::vector<OperationView> operations;  // in the order of the stream
  std::vector<DirtyRange> dirty;
  Position position;  // empty: stays as it is
  // Not 0: refused (kIo) if the queue has another one by now, because what this continues may be gone.
  std::uint64_t generation = 0;

  std::size_t bytes_about() const;  // of its records
};

struct TakeLimits {
  std::size_t operations = 100;
  std::size_t bytes = 4U << 20U;
  bool deletes_only = false;  // of those in memory, wherever they stand; not in strict order
};

// One operation in a lane's hands. The views live until complete().
struct TakenOperation {
  SeqNo seq = 0;
  OperationView op;
  // Not null: local was read for it at that time, and no change of the document has come since. `read_document` is what
  // was there; empty: nothing.
  OpTime read_at;
  std::string_view read_document;
  Withheld withheld = Withheld::kNo;  // of its document
};

// What became of a taken operation.
struct Completion {
  enum class Kind : std::uint8_t {
    kDone,        // acknowledged by the backup (or nothing left to do)
    kPutBack,     // not tried, or nothing is known: as it was, uses up no retry
    kRetry,       // refused: counted, tried again after `delay`
    kTouch,       // becomes a touch, tried again after `delay`; uses up no retry
    kRead,        // becomes a touch that read local at `read_at` and found `document`; looked at again after `delay`
    kDeadLetter,  // set aside with `error`
    kWithhold,    // the guard keeps it from the backup: see SyncQueue::withheld()
    kOvertaken,   // rename, drop or dropDatabase `ddl` takes the document along or away: see settle_overtaken()
  };
  SeqNo seq = 0;
  Kind kind = Kind::kDone;
  std::chrono::milliseconds delay{0};
  OpTime read_at;
  std::string document;    // kRead: empty if there was none
  bool rekey = false;      // kRead, kTouch: see kFlagRekey
  SeqNo ddl = 0;           // kOvertaken
  bool discarded = false;  // kWithhold: somebody has decided already that the document stays
  Error error;
};

struct TakenDdl {
  SeqNo seq = 0;
  DdlEvent event;
  std::uint32_t attempts = 0;
};

// Counters survive a restart.
struct QueueStats {
  std::uint64_t operations = 0;  // waiting or in flight
  std::uint64_t bytes = 0;
  std::uint64_t appended = 0;  // ever
  std::uint64_t coalesced = 0;
  std::uint64_t bytes_saved = 0;
  std::uint64_t done = 0;
  std::uint64_t refused = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t dirty_ranges = 0;  // without those that somebody asked for
  double avg_sync_ms = 0;          // enqueue to acknowledgement, smoothed over about a thousand operations
  std::int64_t last_done_ms = 0;
  std::uint64_t payloads_dropped = 0;  // operations that became touches because the queue was over its bounds
  std::uint64_t ranges_dropped = 0;    // namespaces that became dirty ranges because of it
  bool over_bounds = false;            // now
  bool disk_low = false;               // now: less than the reserve is free
};

}  // namespace dualsync
