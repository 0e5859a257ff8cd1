#include "dualsync/pipeline/copy_pages.h"

#include <algorithm>

#include "dualsync/codec/document_key.h"

namespace dualsync {
namespace {

constexpr std::size_t kPageDocuments = 2000;
constexpr std::size_t kPageBytes = 6U << 20U;
// A lost save only means that this many pages are sent again after a restart.
constexpr std::uint64_t kPagesPerSave = 8;

}  // namespace

void CopyPage::clear() {
  bytes_.clear();
  ends_.clear();
}

void CopyPage::add(std::string_view document) {
  bytes_.append(document);
  ends_.push_back(bytes_.size());
}

bool CopyPage::full() const { return ends_.size() >= kPageDocuments || bytes_.size() >= kPageBytes; }

std::string_view CopyPage::document(std::size_t i) const {
  const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
  return std::string_view(bytes_).substr(begin, ends_[i] - begin);
}

// Reader and cursor belong to the thread that has set `reading`, the rest is guarded by the mutex.
struct CopyPages::Range {
  std::size_t index = 0;
  IdRange bounds;
  std::unique_ptr<DocumentReader> reader;
  std::unique_ptr<DocumentCursor> cursor;
  bool reading = false;
  bool ended = false;                          // nothing is left to be read
  std::uint64_t last_read = 0;                 // by CopyPages::reads_
  std::uint64_t pages_read = 0;                // the number of the next page
  std::uint64_t pages_done = 0;                // none before this number is missing
  std::map<std::uint64_t, std::string> ahead;  // done behind a missing one: number to last key
};

CopyPages::CopyPages(MakeReader make_reader, Namespace ns, CopyProgress progress, std::size_t open_max)
    : make_reader_(std::move(make_reader)), ns_(std::move(ns)), open_max_(open_max), progress_(std::move(progress)) {}

CopyPages::~CopyPages() = default;

CopyProgress CopyPages::progress() const {
  MutexLock lock(mutex_);
  return progress_;
}

void CopyPages::give_up() {
  MutexLock lock(mutex_);
  given_up_ = true;
  changed_.notify_all();
}

Result<bool> CopyPages::read(CopyPage* page, std::stop_token stop) {
  page->clear();
  while (Range* range = take_range(stop)) {
    const Result<void> filled = fill(range, page);
    put_back(range, filled, page);
    if (!filled.ok()) return filled.error();
    if (page->size() > 0) return true;
  }
  return false;
}

CopyPages::Range* CopyPages::take_range(std::stop_token stop) {
  MutexLock lock(mutex_);
  while (!given_up_ && !stop.stop_requested()) {
    Range* range = idle_range();
    if (range == nullptr) range = open_next();
    if (range != nullptr) {
      range->reading = true;
      range->last_read = ++reads_;
      return range;
    }
    if (!may_wait()) return nullptr;
    changed_.wait(mutex_);  // whoever reads comes back
  }
  return nullptr;
}

CopyPages::Range* CopyPages::idle_range() {
  Range* oldest = nullptr;
  for (const auto& range : open_) {
    if (range->ended || range->reading) continue;
    if (oldest == nullptr || range->last_read < oldest->last_read) oldest = range.get();
  }
  return oldest;
}

CopyPages::Range* CopyPages::open_next() {
  const auto being_read = std::count_if(open_.begin(), open_.end(), [](const auto& range) { return !range->ended; });
  if (static_cast<std::size_t>(being_read) >= open_max_) return nullptr;
  while (next_range_ < progress_.ranges.size() && progress_.ranges[next_range_].done) ++next_range_;
  if (next_range_ == progress_.ranges.size()) return nullptr;
  const CopyRange& from = progress_.ranges[next_range_];
  auto range = std::make_unique<Range>();
  range->index = next_range_++;
  range->bounds = from.bounds;
  if (!from.last.empty()) range->bounds.min = from.last;  // inclusive: the one document is copied twice
  open_.push_back(std::move(range));
  return open_.back().get();
}

// Whether one of those that are being read may have another page.
bool CopyPages::may_wait() const {
  return std::any_of(open_.begin(), open_.end(), [](const auto& range) { return range->reading; });
}

Result<void> CopyPages::fill(Range* range, CopyPage* page) {
  if (!range->cursor) {
    range->reader = make_reader_();
    auto cursor = range->reader->scan(ns_, range->bounds);
    if (!cursor) return cursor.error();
    range->cursor = std::move(*cursor);
  }
  while (!page->full()) {
    auto document = range->cursor->next();
    if (!document) return document.error();
    if (document->empty()) {
      // The connection is somebody else's from here on.
      range->cursor.reset();
      range->reader.reset();
      return {};
    }
    page->add(*document);
  }
  return {};
}

void CopyPages::put_back(Range* range, const Result<void>& filled, CopyPage* page) {
  MutexLock lock(mutex_);
  range->reading = false;
  if (!filled.ok()) {
    given_up_ = true;
  } else {
    range->ended = !range->cursor;
    page->range_ = range->index;
    if (page->size() > 0) page->number_ = range->pages_read++;
    settle(range);
  }
  changed_.notify_all();
}

bool CopyPages::done(const CopyPage& page) {
  MutexLock lock(mutex_);
  const auto found =
      std::find_if(open_.begin(), open_.end(), [&](const auto& range) { return range->index == page.range_; });
  Range* const range = found->get();
  range->ahead.emplace(page.number_, id_key_of(page.document(page.size() - 1)));
  settle(range);
  if (++done_since_save_ < kPagesPerSave) return false;
  done_since_save_ = 0;
  return true;
}

// Moves the progress over what is complete; a range that is done is forgotten.
void CopyPages::settle(Range* range) {
  CopyRange& progress = progress_.ranges[range->index];
  while (!range->ahead.empty() && range->ahead.begin()->first == range->pages_done) {
    progress.last = std::move(range->ahead.begin()->second);
    range->ahead.erase(range->ahead.begin());
    ++range->pages_done;
  }
  if (!range->ended || range->pages_done < range->pages_read) return;
  progress.done = true;
  std::erase_if(open_, [range](const auto& open) { return open.get() == range; });
}

}  // namespace dualsync
