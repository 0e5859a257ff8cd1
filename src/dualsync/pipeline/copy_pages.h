// CopyPages: the documents of one namespace that are still to be copied, in pages for several threads, and how far they
// all are.
//
// Order    a range of `_id` is read in its order and numbered; its pages may be done in any. What a range remembers as
//          its `last` is the end of the pages before which none is missing
// Rule     whoever finds no range to read opens the next one, up to `open_max`: as long as reading is the faster half,
//          one cursor serves all threads. Of the open ones the one that waited longest is read, so none grows old
// Units    memory: one reply of the server for each open range; the pages are the callers'
// Threads  safe. A page is read by one thread at a time for each range
// Errors   those of the reader, to the one caller that met them; the others are told that nothing is left
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/base/mutex.h"
#include "dualsync/pipeline/copy_progress.h"

namespace dualsync {

// Documents back to back in one buffer, which is used again for the next page.
class CopyPage {
 public:
  void clear();
  void add(std::string_view document);
  bool full() const;
  std::size_t size() const { return ends_.size(); }
  std::string_view document(std::size_t i) const;

 private:
  friend class CopyPages;
  std::string bytes_;
  std::vector<std::size_t> ends_;
  std::size_t range_ = 0;
  std::uint64_t number_ = 0;
};

class CopyPages {
 public:
  using MakeReader = std::function<std::unique_ptr<DocumentReader>()>;

  CopyPages(MakeReader make_reader, Namespace ns, CopyProgress progress, std::size_t open_max);
  ~CopyPages();

  // The next page of any range, never an empty one. False: nothing is left to be read, `stop`, or give_up().
  Result<bool> read(CopyPage* page, std::stop_token stop);
  // The page's documents are where they belong. True: progress() has moved so far that it is worth saving.
  bool done(const CopyPage& page);
  // Nobody is given another page.
  void give_up();
  CopyProgress progress() const;

 private:
  struct Range;

  Range* take_range(std::stop_token stop);
  Range* idle_range() DUALSYNC_REQUIRES(mutex_);
  Range* open_next() DUALSYNC_REQUIRES(mutex_);
  bool may_wait() const DUALSYNC_REQUIRES(mutex_);
  Result<void> fill(Range* range, CopyPage* page);
  void put_back(Range* range, const Result<void>& filled, CopyPage* page);
  void settle(Range* range) DUALSYNC_REQUIRES(mutex_);

  const MakeReader make_reader_;
  const Namespace ns_;
  const std::size_t open_max_;
  mutable Mutex mutex_;
  CondVar changed_;
  CopyProgress progress_ DUALSYNC_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Range>> open_ DUALSYNC_GUARDED_BY(mutex_);  // also read to the end, but not done
  std::size_t next_range_ DUALSYNC_GUARDED_BY(mutex_) = 0;
  std::uint64_t reads_ DUALSYNC_GUARDED_BY(mutex_) = 0;
  std::uint64_t done_since_save_ DUALSYNC_GUARDED_BY(mutex_) = 0;
  bool given_up_ DUALSYNC_GUARDED_BY(mutex_) = false;
};

}  // namespace dualsync
