// Durable, coalescing queue between capture and the lanes.
//
// Shape    docs/formats/queue.md
// Order    a document's operations reach its lane in the order they came; a DDL change stands between what came before
//          and after it in every namespace it concerns
//          Strict: local's order across everything, through one lane. Invariant: when an operation is given out, all
//          that are older are done or dead letters, held and dirty namespaces apart (docs/adr/0006-strict-ordering.md)
// Merging  (not in strict order) a new operation merges into the pending one of the same document and keeps its place;
// never into one that is
//          in flight, never across a DDL change
// Durable  append() and complete() survive the end of the process; sync() makes them survive a power cut. What a power
//          cut takes from append() is read again from the oplog, because the position is in the same write
// Memory   bounded by QueueOptions, whatever the backlog
// Threads  one producer calls append(); each lane one worker; anyone the rest
// Errors   after kIo every call fails until recover() has opened the store again; after kCorruption until a new start
// Source   docs/adr/0003-queue.md
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/base/result.h"
#include "dualsync/model/queue_listing.h"
#include "dualsync/queue/queue_types.h"

namespace dualsync {

class SyncQueue {
 public:
  // kConflict: another process owns the directory. kUnsupported: a newer format. kCorruption, kIo.
  static Result<std::unique_ptr<SyncQueue>> open(const QueueOptions& options);
  ~SyncQueue();
  SyncQueue(const SyncQueue&) = delete;
  SyncQueue& operator=(const SyncQueue&) = delete;

  // --- when the disk failed ------------------------------------------------------------------------------------------
  // The error that every call fails with at the moment.
  std::optional<Error> trouble() const;
  // After kIo: opens the store again and goes on with what the disk holds, as a restart would; without trouble it does
  // nothing. Fails, and may be called again, while the disk takes no writes or lanes have not completed what they took.
  Result<void> recover();
  // Raised by every recover(). What was appended before may be gone, and the position with it.
  std::uint64_t generation() const;

  // --- capture ---------------------------------------------------------------------------------------------------
  // Stores operations, dirty ranges and position in one atomic write. kInvalidArgument: an operation without a key.
  Result<void> append(const AppendBatch& batch);
  Position position() const;
  // True once capture has passed `time`, as far as that happens within `max_wait`.
  bool wait_position(OpTime time, std::chrono::milliseconds max_wait) const;

  // --- lanes -----------------------------------------------------------------------------------------------------
  // The oldest ready operations of the lane, each of another document; waits at most `max_wait`, then gives none.
  Result<std::vector<TakenOperation>> take(std::size_t lane, TakeLimits limits, std::chrono::milliseconds max_wait,
                                           std::stop_token stop);
  // Whether a lane could take a delete now (TakeLimits::deletes_only).
  bool deletes_wait() const;
  // One completion for each operation taken, in one atomic write.
  Result<void> complete(const std::vector<Completion>& completions);

  // --- DDL -------------------------------------------------------------------------------------------------------
  // The oldest DDL change once everything before it in its namespaces is done; nothing within `max_wait`: nullopt.
  Result<std::optional<TakenDdl>> take_ddl(std::chrono::milliseconds max_wait, std::stop_token stop);
  // Done: removed together with storing `dirty` and forgetting the dirty ranges of `clean`; synced.
  Result<void> complete_ddl(SeqNo seq, const std::vector<DirtyRange>& dirty, const std::vector<Namespace>& clean);
  Result<void> retry_ddl(SeqNo seq, std::chrono::milliseconds delay, bool refused);
  Result<void> dead_letter_ddl(SeqNo seq, const Error& error, const std::vector<DirtyRange>& dirty);
  // The first rename (either name), drop or dropDatabase of `ns` behind `seq` that is still in the queue.
  std::optional<TakenDdl> removal_ahead(const Namespace& ns, SeqNo seq) const;

  // True while a DDL change waits that a repair of `range` has to let pass: one from before it was found, or any rename
  // (either name), drop or dropDatabase.
  bool changes_first(const DirtyRange& range) const;

  // --- copies ----------------------------------------------------------------------------------------------------
  // Keeps a namespace's operations from the lanes (they wait on disk, merged) until release().
  void hold(const Namespace& ns);
  void release(const Namespace& ns);
  // True once no operation of the namespace is in a lane or in flight; false if stopped.
  bool wait_drained(const Namespace& ns, std::stop_token stop);

  // --- dirty ranges and small state --------------------------------------------------------------------------------
  // A new gap, or new progress of the known one that `range.gap` names.
  Result<void> mark_dirty(const DirtyRange& range);
  // What was applied so far counts no more, because the backup is another one: stores the range and takes the applied
  // position back, synced.
  Result<void> forget_applied(const DirtyRange& range);
  // Repaired as it was when dirty_ranges() gave it; a gap that was found meanwhile stays.
  Result<void> finish_dirty(const DirtyRange& range);
  Result<void> clear_dirty(const Namespace& ns);
  Result<void> cancel_requested();  // forgets the ranges that somebody asked for
  std::vector<DirtyRange> dirty_ranges() const;
  std::optional<DirtyRange> dirty_range(const Namespace& ns) const;
  std::uint64_t newest_gap() const;  // counts the marks of this process, and the ranges that it found
  Result<void> put_state(std::string_view name, std::string_view value);  // an empty value forgets it
  Result<std::optional<std::string>> get_state(std::string_view name) const;
  // Names without the prefix, and values.
  Result<std::vector<std::pair<std::string, std::string>>> list_state(std::string_view prefix) const;

  // --- numbers ---------------------------------------------------------------------------------------------------
  // Every local write up to here is on the backup (dead letters apart). Null while a range that was never copied is
  // dirty. Never goes back, but for forget_applied().
  OpTime applied_position() const;
  // Every operation that was captured up to here is on the backup or a dead letter, dirty ranges left out.
  OpTime settled_position() const;
  QueueStats stats() const;
  // The oldest operations, at most `limit`; everybody else waits meanwhile, so keep it small.
  Result<QueueListing> list(std::size_t limit) const;
  // More than half of the bound on bytes is taken: a repair had better wait, or what it adds is dropped again.
  bool crowded() const;
  Result<void> sync();

  // --- dead letters ----------------------------------------------------------------------------------------------
  // Oldest first, at most `limit`.
  Result<std::vector<DeadLetter>> dead_letters(std::size_t limit) const;
  // Reads the document again from local and sends what is there then; the letter goes when that got through. A DDL
  // change's namespace is compared and repaired instead. kNotFound.
  Result<void> retry_dead_letter(SeqNo seq);
  // Forgets it: the backup stays without the change until a later one of the document, or a repair. kNotFound.
  Result<void> discard_dead_letter(SeqNo seq);

  // Sets a schema change aside that no operation stands for: a repair came upon it. It takes the place of an older
  // letter of the same namespace and sort. `change`: kind kDdl, its event as payload.
  Result<void> set_schema_aside(const OperationView& change, const Error& error);
  // The schema of `ns` on the backup is local's: its DDL letters say nothing any more.
  Result<void> forget_schema_letters(const Namespace& ns);

  // --- withheld deletes ------------------------------------------------------------------------------------------
  // What Completion::Kind::kWithhold has set aside. They follow renames and go with a drop.
  std::vector<WithheldNamespace> withheld() const;
  Result<Withheld> withheld_state(const Namespace& ns, std::string_view document_key) const;
  Result<bool> is_withheld(const Namespace& ns, std::string_view document_key) const;  // in either way
  // A page of at most `limit`, of one namespace or (an empty one) of all; `after`: WithheldPage::next, at first empty.
  Result<WithheldPage> withheld_documents(const Namespace& ns, std::string_view after, std::size_t limit) const;
  // All that are held there become touches as of `time`, so that their documents are read again. Returns how many.
  // Broken off in between, the rest is as it was.
  Result<std::uint64_t> give_back_withheld(const Namespace& ns, OpTime time);

 private:
  struct Impl;
  explicit SyncQueue(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dualsync
