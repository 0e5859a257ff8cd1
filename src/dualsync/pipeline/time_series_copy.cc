#include "dualsync/pipeline/time_series_copy.h"

#include <algorithm>
#include <set>

#include "dualsync/codec/document_key.h"
#include "dualsync/codec/measurement.h"

namespace dualsync {
namespace {

constexpr std::size_t kPageMeasurements = 1000;
constexpr std::size_t kPageBytes = 6U << 20U;

}  // namespace

std::size_t TimeSeriesCopy::Page::size() const { return removals.size() + put_backs.size() + inserts.size(); }

bool TimeSeriesCopy::Page::full() const { return size() >= kPageMeasurements || bytes >= kPageBytes; }

void TimeSeriesCopy::Page::insert(std::string_view measurement) {
  inserts.emplace_back(measurement);
  bytes += measurement.size();
}

void TimeSeriesCopy::Page::put_back(std::string_view measurement) {
  put_backs.emplace_back(measurement);
  bytes += measurement.size();
}

Result<TimeSeriesCounts> TimeSeriesCopy::pass(DocumentReader& source, BackupWriter& target, Foreign foreign,
                                              std::stop_token stop,
                                              const std::function<void(const CompareCounts&)>& progress) {
  counts_ = {};
  page_ = {};
  const auto found = [&](const MomentDifference& moment) { return add(moment, foreign, target); };
  auto compared = compare_time_series(source, target.reader(), pair_, stop, found, progress);
  if (!compared) return compared.error();
  DUALSYNC_TRY(write(target));
  counts_.source = compared->local;
  counts_.target = compared->backup;
  return counts_;
}

// What is removed is found by its time and `_id`, and others may have these too: what the source has of them goes back
// in behind the removal.
Result<void> TimeSeriesCopy::add(const MomentDifference& moment, Foreign foreign, BackupWriter& target) {
  counts_.missing += moment.missing.size();
  counts_.foreign += moment.foreign.size();
  for (const std::string_view one : moment.missing) page_.insert(one);
  if (foreign == Foreign::kRemove && !moment.foreign.empty()) {
    std::set<std::string> removed;
    for (const std::string_view one : moment.foreign) removed.insert(measurement_key(one, pair_.time_field));
    for (const std::string& one : moment.source) {
      const bool missing = std::any_of(moment.missing.begin(), moment.missing.end(),
                                       [&](std::string_view each) { return each.data() == one.data(); });
      if (!missing && removed.contains(measurement_key(one, pair_.time_field))) page_.put_back(one);
    }
    page_.removals.insert(page_.removals.end(), removed.begin(), removed.end());
    page_.foreign += moment.foreign.size();
  }
  return page_.full() ? write(target) : Result<void>();
}

Result<void> TimeSeriesCopy::write(BackupWriter& target) {
  if (page_.size() == 0) return {};
  if (before_page_) DUALSYNC_TRY(before_page_(page_.size(), page_.bytes));
  if (!page_.removals.empty()) {
    const std::vector<std::string_view> keys(page_.removals.begin(), page_.removals.end());
    auto removed = target.remove_all(pair_.target, keys);
    if (!removed && removed.error().kind != ErrorKind::kRefused) return removed.error();
    if (removed) {
      counts_.removed += page_.foreign;
      DUALSYNC_TRY(insert(page_.put_backs, target));
    } else {
      counts_.refusal = removed.error();
    }
  }
  DUALSYNC_TRY(insert(page_.inserts, target));
  page_ = {};
  return {};
}

Result<void> TimeSeriesCopy::insert(const std::vector<std::string>& measurements, BackupWriter& target) {
  if (measurements.empty()) return {};
  std::vector<std::string> keys;
  std::vector<WriteItem> items;
  keys.reserve(measurements.size());
  items.reserve(measurements.size());
  for (const std::string& one : measurements) {
    keys.push_back(id_key_of(one));
    items.push_back({WriteItem::Kind::kInsert, keys.back(), one});
  }
  auto outcomes = target.write(pair_.target, items);
  if (!outcomes) return outcomes.error();
  for (const WriteOutcome& outcome : *outcomes) {
    if (outcome.ok) {
      ++counts_.written;
    } else {
      counts_.refusal = counts_.lacking = outcome.error;
    }
  }
  return {};
}

}  // namespace dualsync
