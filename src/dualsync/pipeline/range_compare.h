// RangeCompare: compares a namespace range by range and enqueues a touch for every document that differs.
//
// Rule     the end of each range is kept in the dirty range: a broken link or a restart goes on with the next one
// Memory   one page of each side, and the keys of kTouchesPerAppend documents
// Threads  one owner
// Source   docs/adr/0004-dirty-ranges.md
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "dualsync/pipeline/comparer.h"
#include "dualsync/pipeline/context.h"
#include "dualsync/pipeline/copy_progress.h"

namespace dualsync {

struct RepairCounts {
  std::uint64_t local = 0;    // documents compared
  std::uint64_t backup = 0;   //
  std::uint64_t repairs = 0;  // differed, if only because their change was still on its way
  std::uint64_t kept = 0;     // only on the backup, and left there
};

class RangeCompare {
 public:
  using Progress = std::function<void(const RepairCounts&)>;  // since the last call

  // `range` is dirty in the queue; what of `progress` is done is not compared again.
  RangeCompare(PipelineContext& context, DirtyRange range, CopyProgress progress)
      : context_(context), range_(std::move(range)), progress_(std::move(progress)) {}

  Result<RepairCounts> run(DocumentReader& local, DocumentReader& backup, std::stop_token stop, const Progress& report);
  const DirtyRange& range() const { return range_; }  // with its progress

 private:
  Result<void> compare(CopyRange* part, DocumentReader& local, DocumentReader& backup, std::stop_token stop,
                       const Progress& report);
  Result<void> found(const FoundDifference& difference, std::stop_token stop);
  Result<void> enqueue(std::stop_token stop);

  PipelineContext& context_;
  DirtyRange range_;
  CopyProgress progress_;
  RepairCounts counts_;
  std::vector<std::pair<std::string, std::uint16_t>> keys_;  // and their operations' flags
  std::size_t foreign_ = 0;                                  // of keys_
};

}  // namespace dualsync
