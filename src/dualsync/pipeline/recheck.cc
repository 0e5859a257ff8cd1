#include "dualsync/pipeline/recheck.h"

#include <algorithm>
#include <functional>

#include "dualsync/base/waiting.h"
#include "dualsync/codec/bson.h"
#include "dualsync/codec/bson_compare.h"
#include "dualsync/codec/document_key.h"

namespace dualsync {
namespace {

constexpr std::size_t kLookupAtOnce = 200;
constexpr std::chrono::milliseconds kBlindPause{300};  // when no mirror can be asked
constexpr std::chrono::milliseconds kRoundPause{30};
// Two rounds with the mirror's word, or about three seconds without it.
constexpr int kCertain = 10;
constexpr int kWithWord = 5;
constexpr int kWithoutWord = 1;
constexpr int kMovingRoundsMin = 3;
// Stands for "is there at all" among the names of fields; a real one of that name would be the same finding.
constexpr const char* kPresence = "";

std::string canonical(std::string_view document) {
  std::string key;
  append_canonical_key(document, &key);
  return key;
}

const std::string& at(const std::map<std::string, std::string>& documents, const std::string& key) {
  static const std::string kAbsent;
  const auto found = documents.find(key);
  return found == documents.end() ? kAbsent : found->second;
}

Result<std::map<std::string, std::string>> look_up(DocumentReader& reader, const Namespace& ns,
                                                   const std::vector<std::string_view>& keys) {
  std::map<std::string, std::string> found;
  auto read = reader.find_by_ids(
      ns, keys, {}, [&](std::string_view document) { found[canonical(document)] = std::string(document); });
  if (!read) return read.error();
  return found;
}

// Name to value, its type included.
std::map<std::string, std::string> fields_of(const std::string& document) {
  std::map<std::string, std::string> fields;
  if (document.empty()) return fields;
  fields[kPresence] = "yes";
  bson_iter_t iter;
  if (!iterate_bson(document, &iter)) return fields;
  while (bson_iter_next(&iter)) {
    BsonDoc value;
    bson_append_iter(value.get(), "v", 1, &iter);
    fields[bson_iter_key(&iter)] = value.str();
  }
  return fields;
}

// Fields that are the same in both readings of local and another on the backup.
std::set<std::string> unmatched_fields(const std::string& before, const std::string& backup, const std::string& after) {
  const auto b = fields_of(before);
  const auto there = fields_of(backup);
  const auto a = fields_of(after);
  std::set<std::string> names;
  for (const auto* each : {&b, &there, &a}) {
    for (const auto& [name, value] : *each) names.insert(name);
  }
  const auto value = [](const auto& fields, const std::string& name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  };
  std::set<std::string> found;
  for (const std::string& name : names) {
    const std::string same = value(b, name);
    if (same == value(a, name) && same != value(there, name)) found.insert(name);
  }
  return found;
}

Difference describe(const std::string& key, const std::string& local, const std::string& backup) {
  Difference difference;
  difference.kind = backup.empty()  ? DifferenceKind::kMissing
                    : local.empty() ? DifferenceKind::kForeign
                                    : DifferenceKind::kContent;
  difference.document_key = key;
  difference.id_json = id_to_json(key);
  if (difference.kind == DifferenceKind::kContent) difference.path = first_difference(local, backup);
  return difference;
}

void note_moving(const std::string& before, const std::string& backup, const std::string& after, Suspect* suspect) {
  std::set<std::string> now = unmatched_fields(before, backup, after);
  if (suspect->rounds_moving++ == 0) {
    suspect->unmatched = std::move(now);
  } else {
    std::erase_if(suspect->unmatched, [&](const std::string& name) { return !now.contains(name); });
  }
  suspect->confirmed = 0;
  suspect->difference = describe(suspect->key, after, backup);
  if (!suspect->unmatched.empty() && !suspect->unmatched.contains(kPresence))
    suspect->difference.path = *suspect->unmatched.begin();
}

}  // namespace

Result<void> Recheck::add(const Namespace& local_ns, Difference difference, RecheckOutcome* outcome) const {
  if (options_.excepted) {  // asked last: the mirror may just have come to it
    auto excepted = options_.excepted(local_ns, difference.document_key);
    if (!excepted) return excepted.error();
    if (*excepted) {
      ++outcome->excepted;
      return {};
    }
  }
  ++outcome->count;
  if (outcome->differences.size() < options_.differences_max) outcome->differences.push_back(std::move(difference));
  return {};
}

Result<bool> Recheck::catch_up(std::stop_token stop) {
  if (options_.catch_up) {
    auto caught_up = options_.catch_up(stop);
    if (!caught_up || *caught_up) return caught_up;
  }
  sleep_for(kBlindPause, stop);
  return false;
}

Result<RecheckOutcome> Recheck::run(const Namespace& local_ns, const Namespace& backup_ns,
                                    std::vector<Suspect> suspects, std::stop_token stop) {
  RecheckOutcome outcome;
  const SteadyTime deadline = clock_.now() + options_.settle_max;
  // A document is a suspect twice if its `_id`s are equal in value and differ in type.
  std::set<std::string> seen;
  std::erase_if(suspects, [&](const Suspect& suspect) { return !seen.insert(canonical(suspect.key)).second; });
  while (!suspects.empty()) {
    auto left = round(local_ns, backup_ns, std::move(suspects), stop, &outcome);
    if (!left) return left.error();
    suspects = std::move(*left);
    if (clock_.now() >= deadline) break;
    if (!suspects.empty()) sleep_for(kRoundPause, stop);
  }
  for (Suspect& suspect : suspects) {
    const bool kept_differing = suspect.rounds_moving >= kMovingRoundsMin && !suspect.unmatched.empty();
    if (suspect.confirmed > 0 || kept_differing) {
      DUALSYNC_TRY(add(local_ns, std::move(suspect.difference), &outcome));
    } else {
      ++outcome.unsettled;
    }
  }
  std::sort(outcome.differences.begin(), outcome.differences.end(),
            [](const Difference& a, const Difference& b) { return compare_ids(a.document_key, b.document_key) < 0; });
  return outcome;
}

Result<std::vector<Suspect>> Recheck::round(const Namespace& local_ns, const Namespace& backup_ns,
                                            std::vector<Suspect> suspects, std::stop_token stop,
                                            RecheckOutcome* outcome) {
  std::vector<Suspect> left;
  for (std::size_t begin = 0; begin < suspects.size(); begin += kLookupAtOnce) {
    if (stop.stop_requested()) return Error{ErrorKind::kStopped, "comparison stopped", "", 0};
    const std::size_t end = std::min(suspects.size(), begin + kLookupAtOnce);
    std::vector<std::string_view> keys;
    for (std::size_t i = begin; i < end; ++i) keys.push_back(suspects[i].key);
    auto before = look_up(local_, local_ns, keys);
    if (!before) return before.error().in("local");
    auto caught_up = catch_up(stop);
    if (!caught_up) return caught_up.error();
    auto backup = look_up(backup_, backup_ns, keys);
    if (!backup) return backup.error().in("backup");
    auto after = look_up(local_, local_ns, keys);
    if (!after) return after.error().in("local");
    for (std::size_t i = begin; i < end; ++i) {
      Suspect& suspect = suspects[i];
      const std::string key = canonical(suspect.key);
      const std::string& then = at(*before, key);
      const std::string& now = at(*after, key);
      const std::string& there = at(*backup, key);
      if (there == then || there == now) continue;
      if (then != now) {
        note_moving(then, there, now, &suspect);
      } else {
        // One that comes and goes on local looks the same before and after; what the mirror makes of it then changes.
        const std::size_t seen = std::hash<std::string>()(there);
        const bool changed = suspect.seen_on_backup.value_or(seen) != seen;
        suspect.seen_on_backup = seen;
        suspect.confirmed = changed ? 0 : suspect.confirmed + (*caught_up ? kWithWord : kWithoutWord);
        suspect.difference = describe(suspect.key, now, there);
      }
      if (suspect.confirmed >= kCertain) {
        DUALSYNC_TRY(add(local_ns, std::move(suspect.difference), outcome));
      } else {
        left.push_back(std::move(suspect));
      }
    }
  }
  return left;
}

}  // namespace dualsync
