// What must be true, at every moment and in the end.
#include <algorithm>

#include "dualsync/codec/bson.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/model/archive_name.h"
#include "sim/sim_world.h"

namespace dualsync::sim {
namespace {

using Range = std::vector<const Version*>;

bool field_was(const Range& versions, const std::string& name, const int* value) {
  return std::any_of(versions.begin(), versions.end(), [&](const Version* version) {
    if (version->document.empty()) return false;
    Fields fields = decode(version->document);
    const int* there = find(&fields, name);
    return value == nullptr ? there == nullptr : there != nullptr && *there == *value;
  });
}

// While history is replayed, fields come one by one: each must be what local had at that time or later.
bool every_field_was(const Range& versions, const std::string& document) {
  Fields fields = decode(document);
  for (const std::string name : {"v", "a", "b", "refused"}) {
    if (!field_was(versions, name, find(&fields, name))) return false;
  }
  return true;
}

}  // namespace

void SimWorld::learn_dead_letters() {
  if (!process_) return;
  const auto letters = process_->queue->dead_letters(SIZE_MAX);
  if (!letters) return;
  for (const DeadLetter& letter : *letters) {
    if (!letter.document_key.empty()) excused_[id_of(letter.document_key).number] = true;
  }
}

// The versions of the document at `time` and later, before `end`. A rename may be on the backup before the last changes
// of the collection that it moved: until those arrive, the document is an older one of that collection, or missing;
// also one that was deleted there before the rename.
void SimWorld::collect(const Namespace& ns, int id, OpTime time, OpTime end,
                       std::vector<const Version*>* versions) const {
  static const Version kNone{};
  const auto found = local_.history().find({ns, id});
  if (found == local_.history().end() || found->second.front().time > time) versions->push_back(&kNone);
  if (found == local_.history().end()) return;
  const std::vector<Version>& all = found->second;
  std::size_t first = 0;
  while (first + 1 < all.size() && all[first + 1].time <= time) ++first;
  for (std::size_t i = first; i < all.size() && all[i].time < end; ++i) {
    versions->push_back(&all[i]);
    if (all[i].from && all[i].time > time) collect(*all[i].from, id, time, all[i].time, versions);
  }
}

void SimWorld::check_claims() {
  if (reported_.is_null() || !result_.violation.empty()) return;
  if (refusals_) learn_dead_letters();
  for (const auto& [key, versions] : local_.history()) {
    if (scope_.contains(key.first) && !excused_.contains(key.second)) check_claim(key.first, key.second, versions);
  }
}

void SimWorld::check_claim(const Namespace& ns, int id, const std::vector<Version>& versions) {
  if (versions.front().time > reported_) return;
  Range allowed;
  collect(ns, id, reported_, OpTime{UINT32_MAX, 0}, &allowed);
  const std::string* there = backup_.get(ns, id);
  const bool ok = std::any_of(allowed.begin(), allowed.end(), [&](const Version* version) {
    return there == nullptr ? version->document.empty() : version->document == *there;
  });
  if (ok || (there != nullptr && every_field_was(allowed, *there))) return;
  violate("the applied position " + reported_.to_string() + " claims a write of " + ns.full() + " " +
          std::to_string(id) + " (" + allowed.front()->time.to_string() + ") that the backup does not have; it has " +
          (there == nullptr ? "nothing" : to_json(*there)));
}

// The bytes of a document's very first insert only ever fill a place that is empty, unless a rename brought them back.
void SimWorld::check_replace(const Namespace& ns, std::string_view before, std::string_view after) {
  const auto found = local_.history().find({ns, id_of(after).number});
  if (found == local_.history().end()) return;
  const std::vector<Version>& versions = found->second;
  if (!versions.front().inserted || versions.front().document != after || before == after) return;
  const auto is = [](std::string_view document) {
    return [document](const Version& version) { return version.document == document; };
  };
  const auto newer = std::find_if(versions.begin() + 1, versions.end(), is(before));
  if (newer != versions.end() && std::none_of(newer, versions.end(), is(after)))
    violate("a stale insert went over newer data: " + ns.full() + " " + std::to_string(id_of(after).number));
}

void SimWorld::check_equal() {
  learn_dead_letters();
  for (const auto& [ns, collection] : local_.data()) {
    if (!scope_.contains(ns)) continue;
    for (const auto& [key, document] : collection.documents) {
      const int id = id_of(document).number;
      const std::string* there = backup_.get(ns, id);
      if (excused_.contains(id) || (there != nullptr && *there == document)) continue;
      violate("in the end " + ns.full() + " " + std::to_string(id) +
              (there == nullptr ? " is missing on the backup" : " differs on the backup"));
    }
  }
  for (const auto& [ns, collection] : backup_.data()) {
    if (is_archive_name(ns.collection)) continue;
    if (!scope_.contains(ns)) violate("in the end the backup holds " + ns.full() + ", which is excluded");
    for (const auto& [key, document] : collection.documents) {
      const Id id = id_of(document);
      if (local_.get(ns, id) == nullptr && !excused_.contains(id.number))
        violate("in the end the backup has " + ns.full() + " " + std::to_string(id.number) + ", local has not");
    }
  }
  if (process_->queue->applied_position() != local_.time())
    violate("in the end the applied position is not local's time");
  if (!excused_.empty() && !refusals_) violate("a dead letter, though nothing was refused");
}

}  // namespace dualsync::sim
