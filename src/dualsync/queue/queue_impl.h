// Insides of SyncQueue, shared by its source files only.
#pragma once

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <map>

#include "dualsync/base/mutex.h"
#include "dualsync/queue/changes.h"
#include "dualsync/queue/chunk.h"
#include "dualsync/queue/disk_index.h"
#include "dualsync/queue/live_scan.h"
#include "dualsync/queue/queue_memory.h"
#include "dualsync/queue/record_cache.h"
#include "dualsync/queue/rocks_store.h"
#include "dualsync/queue/staged.h"
#include "dualsync/queue/sync_queue.h"
#include "dualsync/queue/window.h"

namespace dualsync {

// Stored with every write as 64-bit little-endian numbers in this order; new ones go to the end.
struct Counters {
  std::uint64_t next_seq = 1;
  std::uint64_t floor = 1;  // no operation below it is left
  std::uint64_t operations = 0;
  std::uint64_t bytes = 0;
  std::uint64_t appended = 0;
  std::uint64_t coalesced = 0;
  std::uint64_t bytes_saved = 0;
  std::uint64_t done = 0;
  std::uint64_t refused = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t applied = 0;  // packed OpTime
  std::uint64_t early = 0;    // packed OpTime: the oldest of Impl::early; 0: there is none
  std::uint64_t payloads_dropped = 0;
  std::uint64_t ranges_dropped = 0;
  std::uint64_t gap_seq = 1;  // operations below it were there when a gap was found
};

// Where the work of an overflow stands; what is dropped is dropped over several appends.
struct OverflowWork {
  SeqNo scan = 0;                            // operations below it have been looked at for payloads
  std::map<Namespace, std::uint64_t> sizes;  // bytes of what was looked at
  bool unflushed = false;                    // something was dropped since the store was told to free its space
  bool announced = false;                    // that it is over its bounds
  std::optional<Namespace> victim;           // its operations are being dropped
  SeqNo victim_scan = 0;
  SeqNo victim_end = 0;
};

struct SyncQueue::Impl {
  explicit Impl(const QueueOptions& o)
      : options(o),
        window(WindowOptions::of(o)),
        policy(o.bounds),
        index(o.index_operations),
        recent(o.recent_records),
        lane_ready(o.lanes) {}

  // queue_append.cc
  // kInvalidArgument: no _id in the document key.
  Result<void> hash_key(const OperationView& op, KeyHash* hash) DUALSYNC_REQUIRES(mutex);
  Result<void> stage(const OperationView& op, Staged* staged, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  Result<void> stage_ddl(const OperationView& op, Staged* staged, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  Result<bool> merge_into_window(const KeyHash& key, const OperationView& op, Staged* staged) DUALSYNC_REQUIRES(mutex);
  Result<bool> merge_into_disk(const KeyHash& key, const OperationView& op, Staged* staged, rocksdb::WriteBatch* batch)
      DUALSYNC_REQUIRES(mutex);
  Result<bool> read_in_chunk(const DiskPlace& place, std::string* record) DUALSYNC_REQUIRES(mutex);
  Result<bool> read_single(SeqNo seq, std::string* record) DUALSYNC_REQUIRES(mutex);
  // The newest pending operation of a document that only the disk holds; its number is 0: none.
  Result<DiskPlace> find_on_disk(const KeyHash& key, const Staged* staged, std::string* record)
      DUALSYNC_REQUIRES(mutex);
  // A new record of one that only the disk holds; as Staged::change().
  bool change_on_disk(SeqNo seq, std::string_view record, Staged* staged) DUALSYNC_REQUIRES(mutex);
  void write_staged(Staged* staged, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  void write_fresh(Staged* staged, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  // The record of an operation that goes, wherever the store holds it.
  void erase_stored(const WindowOp& op, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  void erase_on_disk(const DiskPlace& place, Staged* staged, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  // An operation from before this process that only the disk holds may be newer than this one of the window.
  bool may_hide_newer(const WindowOp& op) const DUALSYNC_REQUIRES(mutex);
  // A DDL change of its namespace stands between the two places.
  bool merges_across(const OperationView& op, SeqNo older, SeqNo newer) const DUALSYNC_REQUIRES(mutex);
  // After a merge: the operation may now hold a change that is older than its place tells.
  void keep_early(SeqNo seq, OpTime before, OpTime after) DUALSYNC_REQUIRES(mutex) {
    if (after < before) early[seq] = after;
  }
  // Of an operation that comes from disk: older than one before it.
  void keep_early_loaded(SeqNo seq, OpTime first) DUALSYNC_REQUIRES(mutex) {
    if (first < position.time && newest_loaded > first) early[seq] = first;
    newest_loaded = std::max(newest_loaded, first);
  }
  Result<void> carry_by_ddl(SeqNo seq, OpTime first, Staged* staged) DUALSYNC_REQUIRES(mutex);  // queue_lanes.cc
  void count_merge(std::size_t before, std::size_t incoming, std::size_t after) DUALSYNC_REQUIRES(mutex);

  // queue_lanes.cc
  Result<void> load() DUALSYNC_REQUIRES(mutex);
  void skip_held(const Namespace& ns, SeqNo seq, OpTime time) DUALSYNC_REQUIRES(mutex);
  Result<void> load_one(const LiveScan& scan, const OperationView& op, Staged* staged, rocksdb::WriteBatch* batch)
      DUALSYNC_REQUIRES(mutex);
  Result<void> settle(const Completion& completion, Staged* staged, rocksdb::WriteBatch* batch)
      DUALSYNC_REQUIRES(mutex);
  Result<void> return_to_lane(WindowOp* op, const Completion& completion, Staged* staged, rocksdb::WriteBatch* batch)
      DUALSYNC_REQUIRES(mutex);
  Result<void> settle_overtaken(WindowOp* op, SeqNo by, Staged* staged, rocksdb::WriteBatch* batch)
      DUALSYNC_REQUIRES(mutex);
  // True if a newer change of the document waits on the same side of every DDL change and can merge into this one.
  Result<bool> has_newer(const WindowOp& op, const Staged* staged) DUALSYNC_REQUIRES(mutex);
  void forget(WindowOp* op, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  void count_done(const WindowOp& op) DUALSYNC_REQUIRES(mutex);

  // queue_dead_letters.cc
  Result<void> set_aside(const WindowOp& op, const Error& error, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  void resolve(const WindowOp& op, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);  // it got through
  // While a document's dead letter is open, the backup lacks a change: a delta on top would make half a document. And
  // what waited when a gap was found may be older than a change that was lost in it: sent after the repair has looked,
  // it would bring the past back. Both are given out as touches.
  OperationView without_gaps(const WindowOp& op) const DUALSYNC_REQUIRES(mutex);
  Result<void> load_dead_letters() DUALSYNC_REQUIRES(mutex);
  // Calls `each` with every dead letter and its record.
  template <typename Each>
  Result<void> for_each_dead_letter(Each each) const;
  Result<DeadLetter> find_dead_letter(SeqNo seq) const;  // kNotFound
  // Those that are schema changes of `ns`; `change` as DdlEvent::name, empty: all.
  Result<void> drop_schema_letters(const Namespace& ns, std::string_view change, rocksdb::WriteBatch* batch)
      DUALSYNC_REQUIRES(mutex);
  void forget_dead_letter(SeqNo seq, const KeyHash& key, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  // What a rename, drop or dropDatabase that was done means for the dead letters of its namespaces.
  Result<void> follow_ddl(const DdlEvent& event, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  // queue_ddl.cc; `refused`: set aside as a dead letter because of it.
  Result<void> finish_ddl(SeqNo seq, const std::vector<DirtyRange>& dirty, const std::vector<Namespace>& clean,
                          const std::optional<Error>& refused) DUALSYNC_REQUIRES(mutex);

  // queue_withheld.cc
  Result<void> load_withheld() DUALSYNC_REQUIRES(mutex);
  void count_withheld(const Namespace& ns, bool discarded, int change, std::int64_t since_ms) DUALSYNC_REQUIRES(mutex);
  void put_withheld(const OperationView& op, SeqNo seq, const KeyHash& key, bool discarded, rocksdb::WriteBatch* batch)
      DUALSYNC_REQUIRES(mutex);
  void forget_withheld(const Namespace& ns, const KeyHash& key, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  Withheld withheld_state(const KeyHash& key) const DUALSYNC_REQUIRES(mutex);
  void withhold(const WindowOp& op, bool discarded, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  Result<void> move_withheld(const DdlEvent& event, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  Result<std::size_t> give_back_some(const Namespace& ns, OpTime time, std::string* after) DUALSYNC_REQUIRES(mutex);

  // queue_overflow.cc
  Result<void> relieve(std::size_t appended) DUALSYNC_REQUIRES(mutex);
  Result<void> settle_changes() DUALSYNC_REQUIRES(mutex);
  Result<void> drop_payloads(std::size_t records) DUALSYNC_REQUIRES(mutex);
  void take_out_of_chunk(const LiveScan& scan, WindowOp* in_window, rocksdb::WriteBatch* batch)
      DUALSYNC_REQUIRES(mutex);
  Result<void> drop_range_part(std::size_t records) DUALSYNC_REQUIRES(mutex);
  bool choose_victim() DUALSYNC_REQUIRES(mutex);
  void overflow_changed(std::optional<std::uint64_t> free) DUALSYNC_REQUIRES(mutex);
  void free_space() DUALSYNC_REQUIRES(mutex);

  // queue_recover.cc
  // From now on every call fails with `error`, until recover(); wakes whoever waits.
  void break_off(const Error& error) DUALSYNC_REQUIRES(mutex);
  void forget_memory() DUALSYNC_REQUIRES(mutex);
  void given_back(std::size_t count) DUALSYNC_REQUIRES(mutex) { handed_out -= std::min(handed_out, count); }

  // queue_memory.cc; only with a remainder
  Result<bool> save_remainder() DUALSYNC_REQUIRES(mutex);  // false: not now, the one on the disk still holds

  // sync_queue.cc
  Result<void> commit(rocksdb::WriteBatch* batch, bool sync) DUALSYNC_REQUIRES(mutex);
  Result<void> load_state() DUALSYNC_REQUIRES(mutex);
  void put_counters(rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  void put_dirty(const DirtyRange& range, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  std::vector<DirtyRange> ranges() const DUALSYNC_REQUIRES(mutex);
  void forget_dirty(const Namespace& ns, rocksdb::WriteBatch* batch) DUALSYNC_REQUIRES(mutex);
  // The first copy has still to find out which collections there are. Until then nothing may reach the backup: what is
  // there beyond local's names is taken for somebody else's, and ours must not be among it when a gap comes in between.
  bool names_unknown() const DUALSYNC_REQUIRES(mutex);
  OpTime applied() DUALSYNC_REQUIRES(mutex);
  OpTime settled_up_to() DUALSYNC_REQUIRES(mutex);       // by operations alone, dirty ranges left out
  OpTime oldest_early() const DUALSYNC_REQUIRES(mutex);  // null: there is none
  void advance() DUALSYNC_REQUIRES(mutex);               // floor and applied position after a change
  void wake() DUALSYNC_REQUIRES(mutex);
  Result<void> usable() const DUALSYNC_REQUIRES(mutex);
  bool all_loaded() const DUALSYNC_REQUIRES(mutex) { return cursor >= counters.next_seq; }

  const QueueOptions options;
  mutable Mutex mutex;
  std::unique_ptr<Remainder> remainder DUALSYNC_GUARDED_BY(mutex);  // null: the store itself is on the disk
  std::unique_ptr<RocksStore> store;  // null while recover() could not open it; used under the lock only
  Window window DUALSYNC_GUARDED_BY(mutex);
  Counters counters DUALSYNC_GUARDED_BY(mutex);
  Position position DUALSYNC_GUARDED_BY(mutex);
  std::map<Namespace, DirtyRange> dirty DUALSYNC_GUARDED_BY(mutex);
  std::uint64_t newest_gap DUALSYNC_GUARDED_BY(mutex) = 0;
  OverflowPolicy policy DUALSYNC_GUARDED_BY(mutex);
  OverflowWork overflow DUALSYNC_GUARDED_BY(mutex);
  // Operations whose oldest change is older than their place tells: moved behind a rename, or made by a repair.
  std::map<SeqNo, OpTime> early DUALSYNC_GUARDED_BY(mutex);
  OpTime recovered_early DUALSYNC_GUARDED_BY(mutex);  // the oldest of the last process; holds until all is loaded
  SeqNo cursor DUALSYNC_GUARDED_BY(mutex) = 1;        // the next one to load from disk
  OpTime cursor_time DUALSYNC_GUARDED_BY(mutex);      // of the operation at the cursor, when known
  OpTime newest_loaded DUALSYNC_GUARDED_BY(mutex);    // newest first_time among what was loaded
  DiskIndex index DUALSYNC_GUARDED_BY(mutex);
  ChunkTable chunks DUALSYNC_GUARDED_BY(mutex);
  RecordCache recent DUALSYNC_GUARDED_BY(mutex);
  ChangeLog changes DUALSYNC_GUARDED_BY(mutex);
  bool letters_changed DUALSYNC_GUARDED_BY(mutex) = false;  // since the remainder was saved
  OpTime ddl_done DUALSYNC_GUARDED_BY(mutex);               // of the newest DDL change that a queue in memory did
  HashTable<SeqNo> dead DUALSYNC_GUARDED_BY(mutex);         // the open dead letter of a document
  HashTable<SeqNo> withheld DUALSYNC_GUARDED_BY(mutex);     // of a document: twice the number, and 1 if discarded
  std::map<Namespace, WithheldNamespace> withheld_in DUALSYNC_GUARDED_BY(mutex);
  bool withheld_changed DUALSYNC_GUARDED_BY(mutex) = false;  // since the remainder was saved
  // Operations below it were here before this process: the index does not know those that are not loaded yet.
  SeqNo recovered_end DUALSYNC_GUARDED_BY(mutex) = 0;
  double avg_sync_ms DUALSYNC_GUARDED_BY(mutex) = 0;
  std::int64_t last_done_ms DUALSYNC_GUARDED_BY(mutex) = 0;
  std::optional<Error> broken DUALSYNC_GUARDED_BY(mutex);
  std::uint64_t generation DUALSYNC_GUARDED_BY(mutex) = 1;  // raised by every recover()
  // Operations and DDL changes that were taken and not completed: they point into the window.
  std::size_t handed_out DUALSYNC_GUARDED_BY(mutex) = 0;
  std::vector<CondVar> lane_ready;
  CondVar ddl_ready;
  mutable CondVar advanced;  // the position
  CondVar drained;
  std::string key_scratch DUALSYNC_GUARDED_BY(mutex);
  std::string disk_scratch DUALSYNC_GUARDED_BY(mutex);
  std::string record_scratch DUALSYNC_GUARDED_BY(mutex);
  std::string chunk_scratch DUALSYNC_GUARDED_BY(mutex);
};

// meta names
inline constexpr std::string_view kMetaPosition = "position";
inline constexpr std::string_view kMetaCounters = "counters";
inline constexpr std::string_view kMetaDirtyPrefix = "dirty/";
inline constexpr std::string_view kMetaDdlPrefix = "ddl/";
inline constexpr std::string_view kMetaStatePrefix = "state/";

std::string encode_position(const Position& position);
Result<Position> decode_position(std::string_view bytes);
std::string encode_dirty(const DirtyRange& range);
Result<DirtyRange> decode_dirty(std::string_view name, std::string_view bytes);
std::string encode_dead_letter(const OperationView& op, const Error& error, std::int64_t now_ms,
                               std::string_view record);
Result<DeadLetter> decode_dead_letter(SeqNo seq, std::string_view bytes);

}  // namespace dualsync
