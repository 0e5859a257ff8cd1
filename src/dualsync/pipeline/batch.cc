#include "dualsync/pipeline/batch.h"

#include <algorithm>

#include "dualsync/base/log.h"
#include "dualsync/base/planted.h"
#include "dualsync/codec/bson.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/pipeline/collision.h"
#include "dualsync/pipeline/time_series_list.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kAgainDelay{50};  // somebody else is changing the backup under us
constexpr std::chrono::milliseconds kThrottleDelay{1000};
constexpr std::chrono::milliseconds kGuardDelay{100};  // until the guard knows
constexpr std::chrono::milliseconds kOrderDelay{100};  // until other lanes have freed a unique value
constexpr std::chrono::milliseconds kMovingDelay{10};  // the same while values are being freed one after the other
constexpr std::chrono::milliseconds kAlonePatience{1000};
constexpr int kOrderRounds = 32;
constexpr std::size_t kMembersMax = 16;  // documents of one cycle; doubled with each attempt

}  // namespace

Completion& Batch::completion(std::size_t index, Completion::Kind kind) {
  Completion& result = completions_[index];
  result = {};
  result.seq = taken_[index].seq;
  result.kind = kind;
  result.rekey = is_rekey(index);
  return result;
}

std::vector<Completion> Batch::run() {
  std::map<Namespace, Indexes> groups;
  Namespace last;
  Indexes* group = nullptr;
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    const OperationView& op = taken_[i].op;
    if (group == nullptr || op.collection != last.collection || op.db != last.db) {
      last = op.ns();
      group = &groups[last];
    }
    group->push_back(i);
  }
  for (const auto& [ns, indexes] : groups) {
    if (backup_failure_) {
      fail_all(indexes, *backup_failure_);
    } else {
      run_namespace(ns, indexes);
    }
  }
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    DUALSYNC_CHECK(settled(i));
    // A touch would forget the content, and nobody could read it again.
    if (context_.options.without_local && completions_[i].kind == Completion::Kind::kTouch)
      completion(i, Completion::Kind::kPutBack).delay = kThrottleDelay;
  }
  return std::move(completions_);
}

void Batch::run_namespace(const Namespace& ns, const Indexes& indexes) {
  if (!context_.scope.contains(ns) &&
      !is_canary(ns.db, ns.collection)) {  // a rename took it along, out of what is mirrored
    for (const std::size_t i : indexes) completion(i, Completion::Kind::kDone);
    return;
  }
  if (context_.time_series != nullptr && context_.time_series->contains(ns)) return compare_instead(ns, indexes);
  Indexes touches;
  Indexes ready;
  for (const std::size_t i : indexes) {
    if (taken_[i].withheld == Withheld::kHeld) {
      completion(i, Completion::Kind::kWithhold);
    } else if (taken_[i].op.kind != OpKind::kTouch) {
      ready.push_back(i);
    } else if (taken_[i].read_at.is_null()) {
      touches.push_back(i);
    } else {
      documents_[i] = std::string(taken_[i].read_document);
      if (counts(i, taken_[i].read_at)) ready.push_back(i);
    }
  }
  for (const std::size_t i : resolve_touches(ns, touches)) ready.push_back(i);
  if (!ready.empty()) {
    const auto pass = context_.lanes_gate->enter(ns);
    write(context_.scope.to_backup(ns), ready, Round::kFirst);
  }
  if (!collided_.empty()) settle_collisions(ns);
}

// A time series is mirrored by comparing, whoever tells of its measurements: no server makes a second insert of one the
// same. What a stream tells is a reason to compare now; what middleware reports is not, since a comparison reads all.
void Batch::compare_instead(const Namespace& ns, const Indexes& indexes) {
  std::optional<OpTime> oldest;
  for (const std::size_t i : indexes) {
    const OperationView& op = taken_[i].op;
    if (op.kind != OpKind::kTouch) oldest = std::min(oldest.value_or(op.first_time), op.first_time);
  }
  Result<void> marked;
  if (oldest) marked = context_.queue.mark_dirty({ns, "local tells of measurements", *oldest, false, "", 0});
  for (const std::size_t i : indexes) {
    Completion& done = completion(i, marked ? Completion::Kind::kDone : Completion::Kind::kPutBack);
    if (!marked) done.delay = kThrottleDelay;
  }
}

void Batch::add_items(std::size_t index, std::vector<WriteItem>* items, Indexes* owners) const {
  const OperationView& op = taken_[index].op;
  const auto add = [&](WriteItem::Kind kind, std::string_view payload) {
    items->push_back({kind, op.document_key, payload, loose_.contains(index)});
    owners->push_back(index);
  };
  const auto document = documents_.find(index);
  const bool read = document != documents_.end();
  if (read ? !document->second.empty() : op.whole()) {
    const std::string_view payload = read ? std::string_view(document->second) : op.payload;
    if (is_rekey(index)) {
      add(WriteItem::Kind::kDelete, {});
      add(WriteItem::Kind::kInsert, payload);
    } else {
      add(op.kind == OpKind::kInsert && !read && !loose_.contains(index) ? WriteItem::Kind::kInsert
                                                                         : WriteItem::Kind::kReplace,
          payload);
    }
  } else if (op.kind == OpKind::kDelta && !read) {
    add(WriteItem::Kind::kDelta, op.payload);
  } else {
    add(WriteItem::Kind::kDelete, {});
  }
}

// It goes as a delete, and as nothing else.
bool Batch::deletes(std::size_t index) const {
  const OperationView& op = taken_[index].op;
  const auto document = documents_.find(index);
  if (document != documents_.end()) return document->second.empty();
  return !op.whole() && op.kind != OpKind::kDelta;
}

DeleteGuard::Verdict Batch::verdict(std::size_t index) const {
  if (!deletes(index)) return DeleteGuard::Verdict::kGo;
  const TakenOperation& taken = taken_[index];
  if (taken.withheld == Withheld::kDiscarded) return DeleteGuard::Verdict::kDiscard;
  if (context_.delete_guard == nullptr) return DeleteGuard::Verdict::kGo;
  return context_.delete_guard->verdict(taken.op.ns(), taken.op.last_time);
}

// Those that may be written; the others are settled. In strict order nothing overtakes one that waits.
Batch::Indexes Batch::admit(const Indexes& indexes) {
  Indexes admitted;
  bool stuck = false;
  for (const std::size_t i : indexes) {
    const auto found = stuck ? DeleteGuard::Verdict::kWait : verdict(i);
    switch (found) {
      case DeleteGuard::Verdict::kGo: admitted.push_back(i); break;
      case DeleteGuard::Verdict::kWait:
        completion(i, Completion::Kind::kPutBack).delay = kGuardDelay;
        stuck = context_.options.strict;
        break;
      case DeleteGuard::Verdict::kHold:
      case DeleteGuard::Verdict::kDiscard:
        completion(i, Completion::Kind::kWithhold).discarded = found == DeleteGuard::Verdict::kDiscard;
        break;
    }
  }
  return admitted;
}

void Batch::write(const Namespace& ns, const Indexes& wanted, Round round) {
  const Indexes indexes = admit(wanted);
  if (indexes.empty()) return;
  std::vector<WriteItem> items;
  Indexes owners;
  items.reserve(indexes.size());
  owners.reserve(indexes.size());
  for (const std::size_t i : indexes) add_items(i, &items, &owners);
  const bool in_order = context_.options.strict && round == Round::kFirst && !documents_.contains(indexes.front());
  auto outcomes = in_order ? sides_.writer.write_in_order(ns, items) : sides_.writer.write(ns, items);
  if (!outcomes) {
    const Error& error = outcomes.error();
    if (is_backup_wide(error.kind)) {
      backup_failure_ = error;
      context_.counters.maybe_written_until_ms = context_.clock.unix_ms();
      return fail_all(indexes, error);
    }
    if (error.kind == ErrorKind::kThrottled) {
      throttled_ = true;
      for (const std::size_t i : indexes) completion(i, Completion::Kind::kPutBack).delay = kThrottleDelay;
      return;
    }
    return write_one_by_one(ns, indexes, round, error);
  }
  Indexes to_heal;
  for (std::size_t k = 0; k < outcomes->size(); ++k) {
    // Of two items of one operation (delete, then insert) the failure decides.
    if (settled(owners[k]) && (*outcomes)[k].ok) continue;
    settle(owners[k], (*outcomes)[k], round, &to_heal);
  }
  if (!to_heal.empty()) heal(ns, to_heal);
  if (in_order) settle_untried(ns, indexes, !outcomes->back().ok && outcomes->back().duplicate_id);
}

void Batch::settle_untried(const Namespace& ns, const Indexes& indexes, bool inserts) {
  Indexes untried;
  for (const std::size_t i : indexes) {
    if (!settled(i)) untried.push_back(i);
  }
  if (inserts && !backup_failure_) drop_equal_inserts(ns, untried);
  for (const std::size_t i : untried) {
    if (!settled(i)) completion(i, Completion::Kind::kPutBack);
  }
}

// The command as a whole was refused: one of its operations is the cause, and the others must not suffer for it.
void Batch::write_one_by_one(const Namespace& ns, const Indexes& indexes, Round round, const Error& whole) {
  if (indexes.size() == 1) return settle_refused(indexes.front(), whole);
  bool stuck = false;  // strict: behind one that was not taken
  for (const std::size_t i : indexes) {
    if (backup_failure_) {
      fail_all({i}, *backup_failure_);
    } else if (stuck) {
      completion(i, Completion::Kind::kPutBack);
    } else {
      write(ns, {i}, round);
      stuck = context_.options.strict && completions_[i].kind != Completion::Kind::kDone;
    }
  }
}

void Batch::settle(std::size_t index, const WriteOutcome& outcome, Round round, Indexes* to_heal) {
  if (outcome.ok) {
    completion(index, Completion::Kind::kDone);
    return;
  }
  const ErrorKind kind = outcome.error.kind;
  if (is_backup_wide(kind)) {
    backup_failure_ = outcome.error;
    completion(index, Completion::Kind::kPutBack);
  } else if (kind == ErrorKind::kThrottled) {
    throttled_ = true;
    completion(index, Completion::Kind::kPutBack).delay = kThrottleDelay;
  } else if (planted(Bug::kDeltaToMissingDone) && kind == ErrorKind::kHeal) {
    completion(index, Completion::Kind::kDone);
  } else if (kind == ErrorKind::kHeal || (kind == ErrorKind::kDuplicateKey && outcome.duplicate_id)) {
    // A delete and an insert of the document as it is: if that does not fit either, it is the content that is refused.
    if (kind == ErrorKind::kHeal && documents_.contains(index) && is_rekey(index))
      return settle_refused(index, outcome.error);
    if (round == Round::kFirst) {
      const OpKind op = taken_[index].op.kind;
      if (kind == ErrorKind::kHeal && op != OpKind::kDelta) rekey_[index] = true;
      if (std::find(to_heal->begin(), to_heal->end(), index) == to_heal->end()) to_heal->push_back(index);
    }
    completion(index, Completion::Kind::kTouch).delay = kAgainDelay;
  } else if (kind == ErrorKind::kDuplicateKey) {
    completion(index, Completion::Kind::kTouch).delay = kAgainDelay;  // until the end of the batch decides
    collided_[index] = outcome;
  } else {
    settle_refused(index, outcome.error);
  }
}

void Batch::settle_refused(std::size_t index, const Error& error) {
  const OperationView& op = taken_[index].op;
  const std::uint32_t attempt = op.attempts + 1;
  const bool last = attempt > context_.options.retries_max;
  Completion& result = completion(index, last ? Completion::Kind::kDeadLetter : Completion::Kind::kRetry);
  result.error = error;
  result.delay = backoff_.delay_for(attempt);
  log::warn("worker", last ? "refused for good: dead letter" : "refused by the backup; tried again later",
            {{"namespace", op.ns().full()},
             {"key", to_json(op.document_key)},
             {"type", to_string(op.kind)},
             {"attempt", attempt},
             {"duration_ms", context_.clock.unix_ms() - op.enqueued_ms},
             {"code", error.code},
             {"error", error.message},
             {"retry_ms", result.delay.count()}});
}

// Whoever holds the value may give it up by another operation of this batch. Read again from local, so that what is
// sent is final, and backwards, because a chain ("each takes the value of the next") is free at its end.
bool Batch::write_collided_again(const Namespace& ns) {
  Indexes again;
  for (const auto& [index, outcome] : collided_) again.push_back(index);
  std::reverse(again.begin(), again.end());
  const std::size_t before = again.size();
  collided_.clear();
  for (const std::size_t i : again) completions_[i] = {};
  Indexes unread;
  Indexes found;
  for (const std::size_t i : again) (documents_.contains(i) ? found : unread).push_back(i);
  for (const std::size_t i : resolve_touches(ns, unread)) found.push_back(i);
  if (!found.empty()) write(context_.scope.to_backup(ns), found, Round::kOrder);
  return collided_.size() < before;
}

void Batch::settle_collisions(const Namespace& ns) {
  const auto pass = context_.lanes_gate->enter_alone(ns, kAlonePatience);
  bool moving = false;
  for (int round = 0; round < kOrderRounds && !collided_.empty() && !backup_failure_; ++round) {
    if (!write_collided_again(ns)) break;
    moving = true;
  }
  const auto left = std::move(collided_);
  collided_.clear();
  for (const auto& [index, outcome] : left) {
    if (!backup_failure_) settle_collision(ns, index, outcome, moving);
  }
}

void Batch::settle_collision(const Namespace& ns, std::size_t index, const WriteOutcome& outcome, bool moving) {
  const OperationView& op = taken_[index].op;
  if (moving) {  // the others are on their way
    completion(index, Completion::Kind::kTouch).delay = kMovingDelay;
    return;
  }
  if (op.attempts == 0) {  // what is in the way may be in another lane's hands
    Completion& result = completion(index, Completion::Kind::kRetry);
    result.error = outcome.error;
    result.delay = kOrderDelay;
    return;
  }
  CollisionSettler settler(context_, sides_.local, sides_.writer, ns);
  const std::size_t members_max = kMembersMax << std::min<std::uint32_t>(op.attempts, 6);
  auto settled_now = settler.settle(op.document_key, op.last_time, outcome.collision, members_max);
  if (settler.held_in_the_way()) {
    completion(index, Completion::Kind::kWithhold);
  } else if (!settled_now) {
    log::warn("worker", "a collision on a unique index could not be settled; tried again later",
              {{"namespace", ns.full()}, {"error", settled_now.error().message}});
    if (settled_now.error().kind == ErrorKind::kUnsupported) return settle_refused(index, outcome.error);
    if (is_backup_wide(settled_now.error().kind)) backup_failure_ = settled_now.error();
    completion(index, Completion::Kind::kTouch).delay = kOrderDelay;
  } else if (settled_now->ok) {
    completion(index, Completion::Kind::kDone);
  } else {
    settle_refused(index, settled_now->error);
  }
}

void Batch::fail_all(const Indexes& indexes, const Error& /*error: the breaker logs it once*/) {
  const auto kind = planted(Bug::kAckBeforeWrite) ? Completion::Kind::kDone : Completion::Kind::kPutBack;
  for (const std::size_t i : indexes) completion(i, kind);
}

}  // namespace dualsync
