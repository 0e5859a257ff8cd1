// One batch of a lane: from operations to writes, and from the backup's answers to what becomes of each operation.
//
// Order    each document occurs once, so the order inside a batch is free; strict: all are of one namespace and one
// kind,
//          are sent in order, and what is behind the first that fails is put back
// Threads  one owner; made for one batch
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "dualsync/pipeline/context.h"

namespace dualsync {

class Batch {
 public:
  struct Sides {
    DocumentReader& local;
    BackupWriter& writer;
  };

  Batch(PipelineContext& context, Sides sides, Backoff& backoff, const std::vector<TakenOperation>& taken)
      : context_(context), sides_(sides), backoff_(backoff), taken_(taken), completions_(taken.size()) {}

  // Applies everything; one completion per operation, always.
  std::vector<Completion> run();

  // Set when the backup as a whole did not take it (connectivity, rights, quota): the breaker's business.
  const std::optional<Error>& backup_failure() const { return backup_failure_; }
  bool throttled() const { return throttled_; }

 private:
  using Indexes = std::vector<std::size_t>;
  enum class Round : std::uint8_t { kFirst, kHeal, kOrder };

  void run_namespace(const Namespace& ns, const Indexes& indexes);
  void compare_instead(const Namespace& ns, const Indexes& indexes);
  // Reads what local holds for these operations into documents_ and returns those for which that counts now; the others
  // get their completions.
  Indexes resolve_touches(const Namespace& ns, const Indexes& touches);
  // Tells the mass-delete guard of reported documents that local does not have any more.
  Result<void> note_gone(const Namespace& ns, const Indexes& touches, OpTime read_at);
  // True if what documents_ has for it, read at that time, is what the backup must hold. Else its completion says how
  // it goes on.
  bool counts(std::size_t index, OpTime read_at);
  bool is_rekey(std::size_t index) const {
    return (taken_[index].op.flags & kFlagRekey) != 0 || rekey_.contains(index);
  }
  void write(const Namespace& ns, const Indexes& indexes, Round round);
  // Strict: those that `outcomes` does not tell of. A command whose answer got lost has inserted some of them.
  void settle_untried(const Namespace& ns, const Indexes& indexes, bool inserts);
  void write_one_by_one(const Namespace& ns, const Indexes& indexes, Round round, const Error& whole);
  void add_items(std::size_t index, std::vector<WriteItem>* items, Indexes* owners) const;
  void settle(std::size_t index, const WriteOutcome& outcome, Round round, Indexes* heal);
  void settle_refused(std::size_t index, const Error& error);
  // Operations that collided on a unique index: again after those around them, then together with what is in the way.
  void settle_collisions(const Namespace& ns);
  bool write_collided_again(const Namespace& ns);  // false: none of them got through
  void settle_collision(const Namespace& ns, std::size_t index, const WriteOutcome& outcome, bool moving);
  void heal(const Namespace& ns, const Indexes& indexes);
  // The same where local is lost: with what the operations themselves hold.
  void heal_without_local(const Namespace& ns, const Indexes& inserts, const Indexes& others);
  bool deletes(std::size_t index) const;
  DeleteGuard::Verdict verdict(std::size_t index) const;
  Indexes admit(const Indexes& indexes);
  // Inserts that were already there: drops those whose bytes are equal, returns the others.
  Indexes drop_equal_inserts(const Namespace& ns, const Indexes& inserts);
  void fail_all(const Indexes& indexes, const Error& error);
  // The backup as a whole does not take it now.
  static bool is_backup_wide(ErrorKind kind) {
    return kind == ErrorKind::kConnectivity || kind == ErrorKind::kDenied || kind == ErrorKind::kQuota ||
           kind == ErrorKind::kStopped;
  }
  Completion& completion(std::size_t index, Completion::Kind kind);
  bool settled(std::size_t index) const { return completions_[index].seq != 0; }

  PipelineContext& context_;
  Sides sides_;
  Backoff& backoff_;
  const std::vector<TakenOperation>& taken_;
  std::vector<Completion> completions_;
  std::unordered_map<std::size_t, std::string> documents_;      // what local holds, by index; empty: nothing
  std::unordered_map<std::size_t, std::string> backup_before_;  // what the backup held, by index
  std::unordered_map<std::size_t, bool> rekey_;                 // must go as delete, then insert
  std::unordered_set<std::size_t> loose_;                       // goes as it is, whatever is there
  std::map<std::size_t, WriteOutcome> collided_;                // on a unique index other than _id, by index
  std::optional<Error> backup_failure_;
  bool throttled_ = false;
};

}  // namespace dualsync
