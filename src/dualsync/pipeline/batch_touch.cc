// What a batch does by reading local: touches, and healing.
//
// Rule     what local held at a time counts only once capture has passed that time with no rename or drop of the
//          namespace before it: until then the name may stand for another collection, and what is missing may have
//          moved
#include <algorithm>

#include "dualsync/base/log.h"
#include "dualsync/base/planted.h"
#include "dualsync/codec/bson.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/pipeline/batch.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kReadDelay{50};       // until capture has passed the time of the read
constexpr std::chrono::milliseconds kLocalDelay{1000};    // local cannot be read
constexpr std::chrono::milliseconds kReadAgainDelay{50};  // the backup could not be read

bool is_dirty(const std::vector<DirtyRange>& ranges, const OperationView& op) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const DirtyRange& range) {
    return range.ns.db.empty() ||
           (range.ns.db == op.db && (range.ns.collection.empty() || range.ns.collection == op.collection));
  });
}

std::string canonical(std::string_view document) {
  std::string key;
  append_canonical_key(document, &key);
  return key;
}

}  // namespace

// No change of the document came since (that would have merged into this operation), so once capture has passed the
// read, what was found is what the document became; unless its collection went away before the read.
bool Batch::counts(std::size_t index, OpTime read_at) {
  if (planted(Bug::kTouchPastDdl)) return true;
  const TakenOperation& taken = taken_[index];
  if (context_.queue.position().time < read_at) {
    Completion& result = completion(index, Completion::Kind::kRead);
    result.read_at = read_at;
    result.document = std::move(documents_[index]);
    result.delay = kReadDelay;
    documents_.erase(index);
    return false;
  }
  const auto removal = context_.queue.removal_ahead(taken.op.ns(), taken.seq);
  if (!removal || removal->event.time > read_at) return true;
  documents_.erase(index);
  completion(index, Completion::Kind::kOvertaken).ddl = removal->seq;
  return false;
}

Batch::Indexes Batch::resolve_touches(const Namespace& ns, const Indexes& touches) {
  Indexes found;
  if (touches.empty()) return found;
  std::vector<std::string_view> keys;
  std::unordered_map<std::string, std::size_t> by_key;
  OpTime after;
  for (const std::size_t i : touches) {
    keys.push_back(taken_[i].op.document_key);
    by_key[canonical(taken_[i].op.document_key)] = i;
    documents_[i].clear();
    after = std::max(after, taken_[i].op.last_time);
  }
  auto read = sides_.local.find_by_ids(ns, keys, after, [&](std::string_view document) {
    const auto it = by_key.find(canonical(document));
    if (it != by_key.end()) documents_[it->second] = std::string(document);
  });
  if (planted(Bug::kStaleInsert)) {
    for (const std::size_t i : touches) {
      if (taken_[i].op.whole()) documents_[i] = std::string(taken_[i].op.payload);
    }
  }
  if (!read) {
    log::warn("worker", "local cannot be read; the operations wait",
              {{"namespace", ns.full()}, {"error", read.error().message}});
    for (const std::size_t i : touches) completion(i, Completion::Kind::kPutBack).delay = kLocalDelay;
    return found;
  }
  if (const auto noted = note_gone(ns, touches, *read); !noted) {
    for (const std::size_t i : touches) completion(i, Completion::Kind::kPutBack).delay = kLocalDelay;
    return found;
  }
  const std::vector<DirtyRange> dirty = context_.queue.dirty_ranges();
  for (const std::size_t i : touches) {
    const std::string& document = documents_[i];
    const auto before = backup_before_.find(i);
    const bool equal = before != backup_before_.end() && before->second == document;
    // What we may have left there ourselves is nobody else's.
    const bool ours =
        taken_[i].op.enqueued_ms <= context_.counters.maybe_written_until_ms || is_dirty(dirty, taken_[i].op);
    if (!document.empty() && before != backup_before_.end() && !equal && !ours) {
      context_.counters.conflicts.fetch_add(1, std::memory_order_relaxed);
      log::warn("worker", "conflict: the backup held another document; local wins",
                {{"namespace", ns.full()}, {"key", to_json(taken_[i].op.document_key)}});
    }
    if (!counts(i, *read)) continue;
    if (equal || (planted(Bug::kDroppedTouch) && !document.empty())) {
      completion(i, Completion::Kind::kDone);  // a replay of an old event; the backup is right
    } else {
      found.push_back(i);
    }
  }
  return found;
}

// Each once: what was read is kept with the operation from here on.
Result<void> Batch::note_gone(const Namespace& ns, const Indexes& touches, OpTime read_at) {
  if (context_.delete_guard == nullptr) return {};
  const auto gone = std::count_if(touches.begin(), touches.end(), [this](std::size_t i) {
    return (taken_[i].op.flags & kFlagReported) != 0 && documents_[i].empty();
  });
  return context_.delete_guard->note_foreign(ns, read_at, static_cast<std::size_t>(gone));
}

// What the backup holds is not what the change expects: compare, then read the document again from local.
void Batch::heal(const Namespace& backup_ns, const Indexes& indexes) {
  Indexes inserts;
  Indexes touches;
  for (const std::size_t i : indexes) {
    completions_[i] = {};  // open again: every way from here settles it anew
    const bool insert = taken_[i].op.kind == OpKind::kInsert && !documents_.contains(i);
    (insert ? inserts : touches).push_back(i);
  }
  if (context_.options.without_local) return heal_without_local(backup_ns, inserts, touches);
  for (const std::size_t i : drop_equal_inserts(backup_ns, inserts)) touches.push_back(i);
  if (touches.empty()) return;
  const Indexes found = resolve_touches(taken_[touches.front()].op.ns(), touches);
  if (!found.empty()) write(backup_ns, found, Round::kHeal);
}

void Batch::heal_without_local(const Namespace& backup_ns, const Indexes& inserts, const Indexes& others) {
  Indexes again = drop_equal_inserts(backup_ns, inserts);
  // Where a copy was on its way the backup may be ahead of the queue; nothing may take it back.
  const bool ahead = is_dirty(context_.queue.dirty_ranges(), taken_[(inserts.empty() ? others : inserts).front()].op);
  Indexes both = std::move(again);
  again.clear();
  both.insert(both.end(), others.begin(), others.end());
  for (const std::size_t i : both) {
    if (ahead || taken_[i].op.kind == OpKind::kTouch) {
      completion(i, Completion::Kind::kPutBack).delay = kLocalDelay;
    } else {
      again.push_back(i);
    }
  }
  if (again.empty()) return;
  loose_.insert(again.begin(), again.end());
  write(backup_ns, again, Round::kHeal);
  for (const std::size_t i : again) {
    // The server does not say which of several found nothing: each by itself then.
    if (!backup_failure_ && completions_[i].kind == Completion::Kind::kTouch && again.size() > 1) {
      completions_[i] = {};
      write(backup_ns, {i}, Round::kHeal);
    }
    if (taken_[i].op.kind == OpKind::kDelta && completions_[i].kind == Completion::Kind::kDone)
      context_.counters.loose_deltas.fetch_add(1, std::memory_order_relaxed);
  }
}

Batch::Indexes Batch::drop_equal_inserts(const Namespace& backup_ns, const Indexes& inserts) {
  Indexes different;
  if (inserts.empty()) return different;
  std::vector<std::string_view> keys;
  std::unordered_map<std::string, std::size_t> by_key;
  for (const std::size_t i : inserts) {
    keys.push_back(taken_[i].op.document_key);
    by_key[canonical(taken_[i].op.document_key)] = i;
  }
  auto read = sides_.writer.reader().find_by_ids(backup_ns, keys, {}, [&](std::string_view document) {
    const auto it = by_key.find(canonical(document));
    if (it != by_key.end()) backup_before_[it->second] = std::string(document);
  });
  if (!read) {
    for (const std::size_t i : inserts) completion(i, Completion::Kind::kPutBack).delay = kReadAgainDelay;
    if (is_backup_wide(read.error().kind)) backup_failure_ = read.error();
    return different;
  }
  for (const std::size_t i : inserts) {
    const auto before = backup_before_.find(i);
    if (before != backup_before_.end() && before->second == taken_[i].op.payload) {
      completion(i, Completion::Kind::kDone);  // a replay
    } else {
      if (before != backup_before_.end() && id_key_of(before->second) != id_key_of(taken_[i].op.payload))
        rekey_[i] = true;
      different.push_back(i);
    }
  }
  return different;
}

}  // namespace dualsync
