#include "dualsync/pipeline/collision.h"

#include <algorithm>

#include "dualsync/base/log.h"
#include "dualsync/base/mark.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/pipeline/collection_binding.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kPositionWait{1000};

}  // namespace

void CollisionSettler::add(std::string_view key) {
  std::string canonical;
  if (append_canonical_key(key, &canonical)) members_.try_emplace(std::move(canonical), Member{std::string(key), {}});
}

Result<bool> CollisionSettler::add_colliding(std::string_view fields) {
  if (fields.empty()) return false;
  auto keys = writer_.find_equal(context_.scope.to_backup(ns_), fields);
  if (!keys) return keys.error();
  const std::size_t before = members_.size();
  for (const std::string& key : *keys) add(key);
  return members_.size() > before;
}

Result<OpTime> CollisionSettler::read_local(OpTime after) {
  std::vector<std::string_view> keys;
  for (auto& [canonical, member] : members_) {
    member.document.reset();
    keys.push_back(member.key);
  }
  auto read = local_.find_by_ids(ns_, keys, after, [&](std::string_view document) {
    std::string canonical;
    if (!append_canonical_key(document, &canonical)) return;
    if (const auto found = members_.find(canonical); found != members_.end()) found->second.document = document;
  });
  return read;
}

// What was read counts only if the name stood for the backup's collection then. To wait for capture is what touches do;
// here a whole chain would wait at each link, so the server is asked first.
Result<bool> CollisionSettler::same_collection(OpTime read) {
  const SyncQueue& queue = context_.queue;
  if (!queue.wait_position(read, std::chrono::milliseconds(0))) {
    auto bound = CollectionBinding(context_.queue).bound(ns_);
    if (!bound) return bound.error();
    auto collections = local_.list_collections(ns_.db);
    if (!collections) return collections.error();
    const bool bound_here =
        !bound->empty() && std::any_of(collections->begin(), collections->end(), [&](const CollectionInfo& info) {
          return info.ns == ns_ && info.uuid == *bound;
        });
    if (bound_here) return true;
    if (!queue.wait_position(read, kPositionWait))
      return Error{ErrorKind::kConflict, "capture has not passed the time of the read", "", 0};
  }
  const auto removal = queue.removal_ahead(ns_, 0);
  return !removal || removal->event.time > read;
}

Result<void> CollisionSettler::may_delete(OpTime read) {
  for (const auto& [canonical, member] : members_) {
    if (member.document) continue;
    auto state = context_.queue.withheld_state(ns_, member.key);
    if (!state) return state.error();
    if (*state == Withheld::kDiscarded)
      return Error{ErrorKind::kUnsupported, "a document that stays on the backup has the value", "", 0};
    const auto verdict =
        context_.delete_guard == nullptr ? DeleteGuard::Verdict::kGo : context_.delete_guard->verdict(ns_, read);
    if (*state == Withheld::kNo && verdict == DeleteGuard::Verdict::kGo) continue;
    held_in_the_way_ = *state == Withheld::kHeld || verdict == DeleteGuard::Verdict::kHold;
    return Error{ErrorKind::kConflict, "a document whose delete is held has the value", "", 0};
  }
  return {};
}

Result<WriteOutcome> CollisionSettler::try_all() {
  std::vector<WriteItem> items;
  for (const auto& [canonical, member] : members_) items.push_back({WriteItem::Kind::kDelete, member.key, {}});
  for (const auto& [canonical, member] : members_) {
    if (member.document) items.push_back({WriteItem::Kind::kInsert, member.key, *member.document});
  }
  DUALSYNC_MARK("collision-read");
  auto outcomes = writer_.write_atomically(context_.scope.to_backup(ns_), items);
  DUALSYNC_MARK("collision-written");
  if (!outcomes) return outcomes.error();
  for (WriteOutcome& outcome : *outcomes) {
    if (!outcome.ok) return std::move(outcome);
  }
  return WriteOutcome();
}

Result<WriteOutcome> CollisionSettler::settle(std::string_view document_key, OpTime after, std::string_view collision,
                                              std::size_t members_max) {
  members_.clear();
  add(document_key);
  DUALSYNC_CHECK(members_.size() == 1);
  const std::string own = members_.begin()->first;
  auto grown = add_colliding(collision);
  if (!grown) return grown.error();
  for (;;) {
    auto read = read_local(after);
    if (!read) return read.error();
    auto same = same_collection(*read);
    if (!same) return same.error();
    if (!*same) return Error{ErrorKind::kConflict, "the collection was renamed or dropped before it was read", "", 0};
    if (!members_.at(own).document) return Error{ErrorKind::kNotFound, "not on local any more", "", 0};
    DUALSYNC_TRY(may_delete(*read));
    auto outcome = try_all();
    if (!outcome) return outcome.error();
    if (outcome->ok) {
      log::info("worker", "unique values moved between documents; written together",
                {{"namespace", ns_.full()}, {"documents", members_.size()}});
      return outcome;
    }
    if (outcome->error.kind != ErrorKind::kDuplicateKey || members_.size() > members_max) return outcome;
    grown = add_colliding(outcome->collision);
    if (!grown) return grown.error();
    if (!*grown) return outcome;
  }
}

}  // namespace dualsync
