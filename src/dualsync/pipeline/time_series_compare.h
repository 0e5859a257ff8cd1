// Compares a time series collection on two sides: by time, because its `_id`s are neither unique nor in any order.
//
// Rule     measurements of one moment are compared as a bag: the order of fields and the order of measurements mean
//          nothing, how often one is there does
// Units    memory: a page of each side, and the measurements of one moment (a millisecond)
// Threads  one owner
#pragma once

#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "dualsync/pipeline/comparer.h"
#include "dualsync/ports/document_store.h"

namespace dualsync {

// The two sides of a comparison, and the field that holds the time.
struct TimeSeriesPair {
  Namespace source;
  Namespace target;
  std::string time_field;
};

// A moment in which they differ. All of it lives until `found` returns.
struct MomentDifference {
  std::span<const std::string> source;  // all measurements of the moment
  std::vector<std::string_view> missing;
  std::vector<std::string_view> foreign;
};

// `found` may return an error to stop the walk. The counts are of source (as local) and target (as backup).
Result<CompareCounts> compare_time_series(DocumentReader& source, DocumentReader& target, const TimeSeriesPair& pair,
                                          std::stop_token stop,
                                          const std::function<Result<void>(const MomentDifference&)>& found,
                                          const std::function<void(const CompareCounts&)>& progress);

}  // namespace dualsync
