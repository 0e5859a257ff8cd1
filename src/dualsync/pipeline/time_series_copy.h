// TimeSeriesCopy: makes the measurements of one time series collection those of another. There is no change stream of
// them, so comparing is how they are mirrored, restored and drilled.
//
// Rule     a measurement that the target lacks is inserted. One that only the target has is removed if that is wanted;
//          a server before 7.0 removes none, and it stays
// Rule     nobody else writes to the target meanwhile. What is not answered may arrive late: see BackupWriter::settled
// Units    memory: as compare_time_series, and a page of writes
// Threads  one owner
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "dualsync/pipeline/time_series_compare.h"

namespace dualsync {

struct TimeSeriesCounts {
  std::uint64_t source = 0;      // measurements compared
  std::uint64_t target = 0;      //
  std::uint64_t missing = 0;     // only in the source
  std::uint64_t written = 0;     // inserted
  std::uint64_t foreign = 0;     // only on the target
  std::uint64_t removed = 0;     // of these
  std::optional<Error> refusal;  // the last write that the target refused
  std::optional<Error> lacking;  // of these, the last insert: the target lacks something
};

class TimeSeriesCopy {
 public:
  enum class Foreign : std::uint8_t { kKeep, kRemove };
  // Before each page is written; an error ends the pass. May be empty.
  using BeforePage = std::function<Result<void>(std::size_t measurements, std::size_t bytes)>;

  TimeSeriesCopy(TimeSeriesPair pair, BeforePage before_page)
      : pair_(std::move(pair)), before_page_(std::move(before_page)) {}

  // The target is read over the writer's own connection. kConnectivity and the like: run again later.
  Result<TimeSeriesCounts> pass(DocumentReader& source, BackupWriter& target, Foreign foreign, std::stop_token stop,
                                const std::function<void(const CompareCounts&)>& progress);

 private:
  struct Page {
    std::vector<std::string> removals;   // keys
    std::vector<std::string> put_backs;  // if what has their key is removed
    std::vector<std::string> inserts;
    std::size_t foreign = 0;  // measurements that the removals are for
    std::size_t bytes = 0;

    std::size_t size() const;
    bool full() const;
    void insert(std::string_view measurement);
    void put_back(std::string_view measurement);
  };

  Result<void> add(const MomentDifference& moment, Foreign foreign, BackupWriter& target);
  Result<void> write(BackupWriter& target);
  Result<void> insert(const std::vector<std::string>& measurements, BackupWriter& target);

  const TimeSeriesPair pair_;
  const BeforePage before_page_;
  TimeSeriesCounts counts_;
  Page page_;
};

}  // namespace dualsync
