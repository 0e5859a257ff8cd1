#include "dualsync/pipeline/range_copy.h"

#include <algorithm>

#include "dualsync/base/mark.h"
#include "dualsync/codec/bson.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/pipeline/on_threads.h"

namespace dualsync {

RangeCopy::RangeCopy(PipelineContext& context, DirtyRange range, CopyProgress progress,
                     std::atomic<std::uint64_t>& documents_done)
    : context_(context),
      range_(std::move(range)),
      backup_ns_(context.scope.to_backup(range_.ns)),
      documents_done_(documents_done),
      pages_([&context] { return context.local.make_reader(); }, range_.ns, std::move(progress),
             context.options.copy_threads) {}

Result<void> RangeCopy::run(std::stop_token stop) {
  Result<void> copied = on_threads(context_.options.copy_threads, [this, stop] { return copy_pages(stop); });
  const Result<void> saved = save();
  return copied.ok() ? saved : copied;
}

std::vector<std::unique_ptr<BackupWriter>> RangeCopy::take_unsettled() {
  MutexLock lock(mutex_);
  return std::move(unsettled_);
}

// What one thread cannot do ends the work of all: nothing behind a missing page counts.
Result<void> RangeCopy::copy_pages(std::stop_token stop) {
  CopyPage page;
  for (;;) {
    auto copied = copy_page(&page, stop);
    if (!copied) pages_.give_up();
    if (!copied) return copied.error();
    if (!*copied) return {};
  }
}

Result<bool> RangeCopy::copy_page(CopyPage* page, std::stop_token stop) {
  auto read = pages_.read(page, stop);
  if (!read) return read.error();
  if (*read && context_.limiter != nullptr) context_.limiter->wait(stop);
  if (stop.stop_requested() || context_.paused()) return Error{ErrorKind::kStopped, "copy stopped", "", 0};
  if (!*read) return false;
  std::size_t already_there = 0;
  DUALSYNC_MARK("copy-page-read");
  DUALSYNC_TRY(send(*page, &already_there));
  DUALSYNC_MARK("copy-page-sent");
  documents_done_.fetch_add(page->size() - already_there, std::memory_order_relaxed);
  if (pages_.done(*page)) DUALSYNC_TRY(save());
  return true;
}

Result<void> RangeCopy::send(const CopyPage& page, std::size_t* already_there) {
  // A writer for one page only: the few connections to the backup are shared with the lanes.
  auto writer = context_.backup.make_writer();
  auto sent = send(*writer, page, already_there);
  if (writer->settled()) return sent;
  MutexLock lock(mutex_);
  unsettled_.push_back(std::move(writer));
  return sent;
}

Result<void> RangeCopy::send(BackupWriter& writer, const CopyPage& page, std::size_t* already_there) {
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
  const OpTime now = context_.queue.position().time;
  OpTime first{0, 1};  // before everything: when it was written is not known
  if (!range_.gap_start.is_null()) first = std::min(range_.gap_start, now);
  for (const std::string_view key : keys) {
    OperationView op;
    op.kind = OpKind::kTouch;
    op.db = range_.ns.db;
    op.collection = range_.ns.collection;
    op.document_key = key;
    op.first_time = first;
    op.last_time = now;
    op.enqueued_ms = context_.clock.unix_ms();
    batch.operations.push_back(op);
  }
  return context_.queue.append(batch);
}

Result<void> RangeCopy::save() {
  MutexLock lock(saving_);
  DirtyRange range = range_;
  range.progress = pages_.progress().encode();
  return context_.queue.mark_dirty(range);
}

}  // namespace dualsync
