#include "dualsync/pipeline/time_series_list.h"

#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

constexpr const char* kSeriesState = "time-series";

std::optional<TimeSeriesStatus> decode(std::string_view entry) {
  TimeSeriesStatus one;
  bson_iter_t iter;
  if (!iterate_bson(entry, &iter)) return std::nullopt;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "db") one.ns.db = iter_string(iter).value_or("");
    if (name == "collection") one.ns.collection = iter_string(iter).value_or("");
    if (name == "mirrored_ms") one.mirrored_ms = bson_iter_as_int64(&iter);
    if (name == "measurements") one.measurements = static_cast<std::uint64_t>(bson_iter_as_int64(&iter));
  }
  return one;
}

}  // namespace

Result<void> TimeSeriesList::load() {
  const auto kept = queue_.get_state(kSeriesState);
  if (!kept) return kept.error();
  bson_iter_t entries;
  if (!*kept || !iterate_bson(**kept, &entries)) return {};
  MutexLock lock(mutex_);
  while (bson_iter_next(&entries)) {
    const auto entry = iter_document(entries);
    if (const auto one = entry ? decode(*entry) : std::nullopt) known_[one->ns] = *one;
  }
  any_ = !known_.empty();
  return {};
}

Result<void> TimeSeriesList::save() {
  any_ = !known_.empty();
  BsonDoc kept;
  for (const auto& [ns, one] : known_) {
    BsonDoc entry;
    BSON_APPEND_UTF8(entry.get(), "db", ns.db.c_str());
    BSON_APPEND_UTF8(entry.get(), "collection", ns.collection.c_str());
    if (one.mirrored_ms) BSON_APPEND_INT64(entry.get(), "mirrored_ms", *one.mirrored_ms);
    BSON_APPEND_INT64(entry.get(), "measurements", static_cast<std::int64_t>(one.measurements));
    append_document(kept.get(), ns.full(), entry.bytes());
  }
  return queue_.put_state(kSeriesState, kept.str());
}

Result<void> TimeSeriesList::add(const Namespace& ns) {
  MutexLock lock(mutex_);
  if (!known_.try_emplace(ns, TimeSeriesStatus{ns, std::nullopt, 0}).second) return {};
  return save();
}

Result<void> TimeSeriesList::mirrored(const TimeSeriesStatus& now) {
  MutexLock lock(mutex_);
  known_[now.ns] = now;
  return save();
}

Result<void> TimeSeriesList::forget(const Namespace& ns) {
  MutexLock lock(mutex_);
  return known_.erase(ns) > 0 ? save() : Result<void>();
}

bool TimeSeriesList::contains(const Namespace& ns) const {
  if (!any_.load(std::memory_order_relaxed)) return false;
  MutexLock lock(mutex_);
  return known_.contains(ns);
}

bool TimeSeriesList::was_mirrored(const Namespace& ns) const {
  MutexLock lock(mutex_);
  const auto found = known_.find(ns);
  return found != known_.end() && found->second.mirrored_ms;
}

std::vector<TimeSeriesStatus> TimeSeriesList::view() const {
  MutexLock lock(mutex_);
  std::vector<TimeSeriesStatus> all;
  for (const auto& [ns, one] : known_) all.push_back(one);
  return all;
}

}  // namespace dualsync
