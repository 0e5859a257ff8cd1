#include "dualsync/pipeline/collision.h"

#include "dualsync/base/log.h"
#include "dualsync/codec/document_key.h"

namespace dualsync {

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

Result<void> CollisionSettler::read_local(OpTime after) {
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
  if (!read) return read.error();
  return {};
}

Result<WriteOutcome> CollisionSettler::try_all() {
  std::vector<WriteItem> items;
  for (const auto& [canonical, member] : members_) items.push_back({WriteItem::Kind::kDelete, member.key, {}});
  for (const auto& [canonical, member] : members_) {
    if (member.document) items.push_back({WriteItem::Kind::kInsert, member.key, *member.document});
  }
  auto outcomes = writer_.write_atomically(context_.scope.to_backup(ns_), items);
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
    DUALSYNC_TRY(read_local(after));
    if (!members_.at(own).document) return Error{ErrorKind::kNotFound, "not on local any more", "", 0};
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
