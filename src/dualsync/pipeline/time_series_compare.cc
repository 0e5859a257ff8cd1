#include "dualsync/pipeline/time_series_compare.h"

#include <algorithm>

#include "dualsync/codec/measurement.h"

namespace dualsync {
namespace {

constexpr std::uint64_t kProgressEvery = 1000;

// One side, a moment at a time.
class Moments {
 public:
  Moments(std::unique_ptr<DocumentCursor> cursor, std::string where, const std::string& time_field)
      : cursor_(std::move(cursor)), where_(std::move(where)), time_field_(time_field) {}

  Result<void> advance() {
    auto document = cursor_->next();
    if (!document) return document.error().in(where_);
    next_.assign(*document);
    if (!ended()) time_ = measurement_time(next_, time_field_);
    return {};
  }
  bool ended() const { return next_.empty(); }
  std::int64_t time() const { return time_; }  // of the next moment, unless ended

  // The measurements of the next moment, which is `time`.
  Result<void> take(std::int64_t time, std::vector<std::string>* measurements) {
    measurements->clear();
    while (!ended() && time_ == time) {
      measurements->push_back(std::move(next_));
      DUALSYNC_TRY(advance());
    }
    return {};
  }

 private:
  std::unique_ptr<DocumentCursor> cursor_;
  std::string where_;
  const std::string& time_field_;
  std::string next_;
  std::int64_t time_ = 0;
};

struct Canonical {
  std::string bytes;
  std::string_view measurement;
  bool operator<(const Canonical& other) const { return bytes < other.bytes; }
};

std::vector<Canonical> canonical(std::span<const std::string> measurements) {
  std::vector<Canonical> all;
  all.reserve(measurements.size());
  for (const std::string& one : measurements) all.push_back({canonical_measurement(one), one});
  std::sort(all.begin(), all.end());
  return all;
}

// False: they are equal.
bool differ(const std::vector<std::string>& source, const std::vector<std::string>& target, MomentDifference* moment) {
  if (source == target) return false;
  const auto wanted = canonical(source);
  const auto present = canonical(target);
  auto w = wanted.begin();
  auto p = present.begin();
  while (w != wanted.end() || p != present.end()) {
    if (p == present.end() || (w != wanted.end() && *w < *p)) {
      moment->missing.push_back((w++)->measurement);
    } else if (w == wanted.end() || *p < *w) {
      moment->foreign.push_back((p++)->measurement);
    } else {
      ++w;
      ++p;
    }
  }
  moment->source = source;
  return !moment->missing.empty() || !moment->foreign.empty();
}

Result<Moments> open(DocumentReader& reader, const Namespace& ns, const TimeSeriesPair& pair) {
  auto cursor = reader.scan_by_time(ns, pair.time_field);
  if (!cursor) return cursor.error().in(ns.full());
  Moments moments(std::move(*cursor), ns.full(), pair.time_field);
  DUALSYNC_TRY(moments.advance());
  return moments;
}

}  // namespace

Result<CompareCounts> compare_time_series(DocumentReader& source, DocumentReader& target, const TimeSeriesPair& pair,
                                          std::stop_token stop,
                                          const std::function<Result<void>(const MomentDifference&)>& found,
                                          const std::function<void(const CompareCounts&)>& progress) {
  auto left = open(source, pair.source, pair);
  if (!left) return left.error();
  auto right = open(target, pair.target, pair);
  if (!right) return right.error();
  CompareCounts counts;
  std::uint64_t told = 0;
  std::vector<std::string> wanted;
  std::vector<std::string> present;
  while (!left->ended() || !right->ended()) {
    if (stop.stop_requested()) return Error{ErrorKind::kStopped, "comparison stopped", "", 0};
    const bool from_left = !left->ended() && (right->ended() || left->time() <= right->time());
    const std::int64_t time = from_left ? left->time() : right->time();
    DUALSYNC_TRY(left->take(time, &wanted));
    DUALSYNC_TRY(right->take(time, &present));
    counts.local += wanted.size();
    counts.backup += present.size();
    MomentDifference moment;
    if (differ(wanted, present, &moment)) DUALSYNC_TRY(found(moment));
    if (counts.local + counts.backup < told + kProgressEvery) continue;
    told = counts.local + counts.backup;
    progress(counts);
  }
  progress(counts);
  return counts;
}

}  // namespace dualsync
