// Transactions: what open transactions have written. It counts when they commit.
//
// Threads  any
#pragma once

#include <functional>
#include <map>
#include <string>

#include "dualsync/base/mutex.h"
#include "dualsync/middleware/observed_write.h"

namespace dualsync {

// Appends; past `documents_max` all of them become ranges.
void merge_changes(ReportedChanges&& more, std::size_t documents_max, ReportedChanges* all);

class Transactions {
 public:
  void add(const TransactionRef& transaction, ReportedChanges&& changes) DUALSYNC_EXCLUDES(mutex_);
  ReportedChanges commit(const TransactionRef& transaction) DUALSYNC_EXCLUDES(mutex_);
  // It may have committed, or be asked to again.
  ReportedChanges maybe_commit(const TransactionRef& transaction) const DUALSYNC_EXCLUDES(mutex_);
  void forget(const TransactionRef& transaction) DUALSYNC_EXCLUDES(mutex_);

 private:
  static constexpr std::size_t kDocumentsMax = 10'000;  // of one transaction

  struct Open {
    std::int64_t number = 0;  // a higher one ends it: a session has one transaction at a time
    ReportedChanges changes;
  };

  mutable Mutex mutex_;
  std::map<std::string, Open, std::less<>> open_ DUALSYNC_GUARDED_BY(mutex_);  // by session
};

}  // namespace dualsync
