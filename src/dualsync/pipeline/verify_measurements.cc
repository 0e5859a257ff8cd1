// Verifier: time series collections.
#include <algorithm>
#include <map>

#include "dualsync/codec/bson_compare.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/codec/measurement.h"
#include "dualsync/pipeline/time_series_compare.h"
#include "dualsync/pipeline/verifier.h"

namespace dualsync {
namespace {

// Of one collection; with more, all that differ later count.
constexpr std::size_t kMarksMax = 1'000'000;

std::uint64_t mark_of(std::string_view measurement, DifferenceKind kind) {
  return measurement_mark(measurement, static_cast<std::uint64_t>(kind));
}

// One of local, one of the backup, or both if they have the same time and `_id`.
struct Pair {
  std::string_view local;
  std::string_view backup;

  Difference difference() const {
    Difference found;
    found.kind = local.empty()    ? DifferenceKind::kForeign
                 : backup.empty() ? DifferenceKind::kMissing
                                  : DifferenceKind::kContent;
    found.document_key = id_key_of(local.empty() ? backup : local);
    found.id_json = id_to_json(found.document_key);
    if (found.kind == DifferenceKind::kContent)
      found.path = first_difference(canonical_measurement(local), canonical_measurement(backup));
    return found;
  }
};

std::vector<Pair> pairs_of(const MomentDifference& moment, const std::string& time_field) {
  std::vector<Pair> pairs;
  std::multimap<std::string, std::size_t> places;  // of those that only local has
  for (const std::string_view one : moment.missing) {
    if (!moment.foreign.empty()) places.emplace(measurement_key(one, time_field), pairs.size());
    pairs.push_back({one, {}});
  }
  for (const std::string_view one : moment.foreign) {
    const auto same = places.find(measurement_key(one, time_field));
    if (same == places.end()) {
      pairs.push_back({{}, one});
    } else {
      pairs[same->second].backup = one;
      places.erase(same);
    }
  }
  return pairs;
}

}  // namespace

Result<void> Verifier::compare_measurements(const CollectionInfo& info, std::stop_token stop,
                                            const std::function<void(const CompareProgress&)>& progress,
                                            NamespaceReport* report) {
  report->time_series = true;
  const std::vector<std::uint64_t>* known = nullptr;
  if (options_.marks != nullptr) {
    const auto found = options_.marks->find(info.ns);
    if (found != options_.marks->end() && found->second.size() < kMarksMax) known = &found->second;
  }
  const auto counts_as_different = [&](std::uint64_t mark) {
    if (report->marks.size() < kMarksMax) report->marks.push_back(mark);
    return known == nullptr || std::binary_search(known->begin(), known->end(), mark);
  };
  const TimeSeriesPair pair{info.ns, scope_.to_backup(info.ns), time_field_of(info.options)};
  const auto found = [&](const MomentDifference& moment) -> Result<void> {
    for (const Pair& one : pairs_of(moment, pair.time_field)) {
      bool differs = false;
      if (!one.local.empty()) differs = counts_as_different(mark_of(one.local, DifferenceKind::kMissing));
      if (!one.backup.empty()) differs = counts_as_different(mark_of(one.backup, DifferenceKind::kForeign)) || differs;
      if (!differs) {
        ++report->pending;
        continue;
      }
      ++report->difference_count;
      if (report->differences.size() < options_.recheck.differences_max)
        report->differences.push_back(one.difference());
    }
    return {};
  };
  const auto walked = [&](const CompareCounts& so_far) {
    progress({info.ns, so_far.local, documents_done_ + so_far.local, documents_total_});
  };
  auto counts = compare_time_series(*local_, *backup_, pair, stop, found, walked);
  if (!counts) return counts.error();
  std::sort(report->marks.begin(), report->marks.end());
  report->local_documents = counts->local;
  report->backup_documents = counts->backup;
  return {};
}

}  // namespace dualsync
