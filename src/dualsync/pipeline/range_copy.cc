#include "dualsync/pipeline/range_copy.h"

#include <algorithm>

#include "dualsync/base/mark.h"
#include "dualsync/codec/bson.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/pipeline/on_threads.h"

namespace dualsync {
namespace {

constexpr std::size_t kPageDocuments = 2000;
constexpr std::size_t kPageBytes = 6U << 20U;
// A lost save only means that this many pages are sent again after a restart.
constexpr std::size_t kPagesPerSave = 8;

}  // namespace

// Documents back to back in one buffer: a page is read, sent, and the buffer used again.
struct RangeCopy::Page {
  std::string bytes;
  std::vector<std::size_t> ends;

  void clear() {
    bytes.clear();
    ends.clear();
  }
  void add(std::string_view document) {
    bytes.append(document);
    ends.push_back(bytes.size());
  }
  bool full() const { return ends.size() >= kPageDocuments || bytes.size() >= kPageBytes; }
  std::size_t size() const { return ends.size(); }
  std::string_view document(std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(bytes).substr(begin, ends[i] - begin);
  }
};

RangeCopy::RangeCopy(PipelineContext& context, DirtyRange range, CopyProgress progress,
                     std::atomic<std::uint64_t>& documents_done)
    : context_(context),
      backup_ns_(context.scope.to_backup(range.ns)),
      documents_done_(documents_done),
      range_(std::move(range)),
      progress_(std::move(progress)) {}

Result<void> RangeCopy::run(std::stop_token stop) {
  return on_threads(context_.options.copy_threads, [this, stop] { return copy_ranges(stop); });
}

std::vector<std::unique_ptr<BackupWriter>> RangeCopy::take_unsettled() {
  MutexLock lock(mutex_);
  return std::move(unsettled_);
}

Result<void> RangeCopy::copy_ranges(std::stop_token stop) {
  for (;;) {
    const std::size_t index = next_range_.fetch_add(1);
    {
      MutexLock lock(mutex_);
      if (index >= progress_.ranges.size()) return {};
      if (progress_.ranges[index].done) continue;
    }
    DUALSYNC_TRY(copy_range(index, stop));
  }
}

Result<void> RangeCopy::copy_range(std::size_t index, std::stop_token stop) {
  CopyRange range;
  Namespace ns;
  {
    MutexLock lock(mutex_);
    range = progress_.ranges[index];
    ns = range_.ns;
  }
  IdRange bounds = range.bounds;
  if (!range.last.empty()) bounds.min = range.last;  // inclusive: the one document is sent twice
  auto reader = context_.local.make_reader();
  auto cursor = reader->scan(ns, bounds);
  if (!cursor) return cursor.error();
  Page page;
  std::size_t pages = 0;
  for (bool more = true; more;) {
    page.clear();
    while (!page.full()) {
      auto document = (*cursor)->next();
      if (!document) return document.error();
      if (document->empty()) {
        more = false;
        break;
      }
      page.add(*document);
    }
    if (context_.limiter != nullptr) context_.limiter->wait(stop);
    if (stop.stop_requested() || context_.paused()) return Error{ErrorKind::kStopped, "copy stopped", "", 0};
    if (page.size() > 0) {
      std::size_t already_there = 0;
      DUALSYNC_MARK("copy-page-read");
      DUALSYNC_TRY(send(page, &already_there));
      DUALSYNC_MARK("copy-page-sent");
      documents_done_.fetch_add(page.size() - already_there, std::memory_order_relaxed);
      range.last = id_key_of(page.document(page.size() - 1));
    }
    if (!more || ++pages % kPagesPerSave == 0) DUALSYNC_TRY(save(index, range.last, !more));
  }
  return {};
}

Result<void> RangeCopy::send(const Page& page, std::size_t* already_there) {
  // A writer for one page only: the few connections to the backup are shared with the lanes.
  auto writer = context_.backup.make_writer();
  auto sent = send(*writer, page, already_there);
  if (writer->settled()) return sent;
  MutexLock lock(mutex_);
  unsettled_.push_back(std::move(writer));
  return sent;
}

Result<void> RangeCopy::send(BackupWriter& writer, const Page& page, std::size_t* already_there) {
  std::vector<std::string> keys;
  std::vector<WriteItem> items;
  keys.reserve(page.size());
  items.reserve(page.size());
  for (std::size_t i = 0; i < page.size(); ++i) {
    keys.push_back(id_key_of(page.document(i)));
    items.push_back({WriteItem::Kind::kInsert, keys.back(), page.document(i)});
  }
  auto outcomes = writer.write(backup_ns_, items);
  std::vector<std::string_view> refused;
  if (!outcomes) {
    const ErrorKind kind = outcomes.error().kind;
    if (kind != ErrorKind::kRefused || items.size() > 1) return outcomes.error();
    refused.push_back(keys.front());
  } else {
    std::vector<WriteItem> again;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const WriteOutcome& outcome = (*outcomes)[i];
      if (outcome.ok) continue;
      if (outcome.error.kind == ErrorKind::kDuplicateKey && outcome.duplicate_id) {
        again.push_back({WriteItem::Kind::kReplace, items[i].document_key, items[i].payload});
      } else if (outcome.error.kind == ErrorKind::kRefused || outcome.error.kind == ErrorKind::kDuplicateKey ||
                 outcome.error.kind == ErrorKind::kHeal) {
        refused.push_back(items[i].document_key);
      } else {
        return outcome.error;
      }
    }
    *already_there = again.size();
    if (!again.empty()) {
      auto replaced = writer.write(backup_ns_, again);
      if (!replaced) return replaced.error();
      for (std::size_t i = 0; i < again.size(); ++i) {
        if (!(*replaced)[i].ok) refused.push_back(again[i].document_key);
      }
    }
  }
  context_.counters.bytes_sent.fetch_add(writer.bytes_sent(), std::memory_order_relaxed);
  if (context_.limiter != nullptr) context_.limiter->spend(page.size(), writer.bytes_sent());
  return touch(refused);
}

Result<void> RangeCopy::touch(const std::vector<std::string_view>& keys) {
  if (keys.empty()) return {};
  AppendBatch batch;
  Namespace ns;
  const OpTime now = context_.queue.position().time;
  OpTime first{0, 1};  // before everything: when it was written is not known
  {
    MutexLock lock(mutex_);
    ns = range_.ns;
    if (!range_.gap_start.is_null()) first = std::min(range_.gap_start, now);
  }
  for (const std::string_view key : keys) {
    OperationView op;
    op.kind = OpKind::kTouch;
    op.db = ns.db;
    op.collection = ns.collection;
    op.document_key = key;
    op.first_time = first;
    op.last_time = now;
    op.enqueued_ms = context_.clock.unix_ms();
    batch.operations.push_back(op);
  }
  return context_.queue.append(batch);
}

Result<void> RangeCopy::save(std::size_t index, const std::string& last, bool done) {
  MutexLock lock(mutex_);
  progress_.ranges[index].last = last;
  progress_.ranges[index].done = done;
  range_.progress = progress_.encode();
  return context_.queue.mark_dirty(range_);
}

}  // namespace dualsync
