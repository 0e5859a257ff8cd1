#include "dualsync/pipeline/restore_documents.h"

#include <algorithm>
#include <map>

#include "dualsync/codec/bson.h"
#include "dualsync/codec/bson_compare.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/model/scope.h"
#include "dualsync/pipeline/comparer.h"
#include "dualsync/pipeline/on_threads.h"

namespace dualsync {
namespace {

constexpr std::size_t kRestorePageDocuments = 1000;
constexpr std::size_t kRestorePageBytes = 6U << 20U;
constexpr std::size_t kRestoreRangesMax = 64;
// The backup may be mirrored into meanwhile, and unique values may move between documents.
constexpr int kPassesMax = 6;
// Documents that still change in the second pass are looked at one by one, unless they are too many for that.
constexpr std::size_t kSettleMax = 50'000;
constexpr std::size_t kSettleTogether = 32;  // documents of up to 16 MiB on either side
constexpr int kSettleRounds = 10;

using Documents = std::map<std::string, std::string>;  // by canonical key

Result<Documents> look_up(DocumentReader& reader, const Namespace& ns, std::span<const std::string> keys) {
  const std::vector<std::string_view> wanted(keys.begin(), keys.end());
  Documents found;
  auto read = reader.find_by_ids(ns, wanted, {}, [&](std::string_view document) {
    std::string key;
    append_canonical_key(document, &key);
    found[key] = document;
  });
  if (!read) return read.error();
  return found;
}

}  // namespace

// Documents to write and keys to delete; a key is deleted before anything is written.
struct RestoreDocuments::Page {
  struct Entry {
    WriteItem::Kind kind;
    std::string key;
    std::string document;
  };
  std::vector<Entry> deletes;
  std::vector<Entry> writes;
  std::size_t bytes = 0;

  void remove(std::string key) { deletes.push_back({WriteItem::Kind::kDelete, std::move(key), {}}); }
  void write(WriteItem::Kind kind, std::string_view document) {
    bytes += document.size();
    writes.push_back({kind, id_key_of(document), std::string(document)});
  }
  std::size_t size() const { return deletes.size() + writes.size(); }
  bool full() const { return size() >= kRestorePageDocuments || bytes >= kRestorePageBytes; }
  void clear() {
    deletes.clear();
    writes.clear();
    bytes = 0;
  }
};

RestoreDocuments::RestoreDocuments(BackupSide& source, BackupSide& target, RestoreJob job, std::size_t threads,
                                   std::function<void(std::uint64_t)> progress)
    : source_(source),
      target_(target),
      job_(std::move(job)),
      threads_(job_.in_order ? 1 : std::max<std::size_t>(threads, 1)),
      progress_(std::move(progress)) {}

Namespace RestoreDocuments::marks() const { return {job_.target.db, std::string(kMetadataCollection)}; }

std::string RestoreDocuments::mark_key() const {
  BsonDoc key;
  const std::string id = "restore/" + job_.target.full();
  BSON_APPEND_UTF8(key.get(), "_id", id.c_str());
  return key.str();
}

Result<std::optional<CopyProgress>> RestoreDocuments::unfinished() {
  const std::string key = mark_key();
  const std::string_view view = key;
  std::optional<CopyProgress> progress;
  auto read = target_.make_reader()->find_by_ids(marks(), {&view, 1}, {}, [&](std::string_view document) {
    bson_iter_t iter;
    if (find_field(document, "progress", &iter))
      progress = CopyProgress::decode(iter_document(iter).value_or(std::string_view()));
  });
  if (!read) return read.error().in("target");
  return progress;
}

Result<void> RestoreDocuments::save(BackupWriter& writer, const CopyPages& pages) {
  MutexLock lock(saving_);
  return save(writer, pages.progress());
}

Result<void> RestoreDocuments::save(BackupWriter& writer, const CopyProgress& progress) {
  BsonDoc mark;
  const std::string id = "restore/" + job_.target.full();
  BSON_APPEND_UTF8(mark.get(), "_id", id.c_str());
  append_document(mark.get(), "progress", progress.encode());
  const std::string key = mark_key();
  const WriteItem item{WriteItem::Kind::kReplace, key, mark.bytes()};
  auto outcomes = writer.write(marks(), {&item, 1});
  if (!outcomes) return outcomes.error().in("target");
  return outcomes->front().ok ? Result<void>() : Result<void>(outcomes->front().error.in("target"));
}

Result<CopyProgress> RestoreDocuments::begin() {
  auto progress = plan_ranges(*source_.make_reader(), job_.source, job_.in_order ? 1 : kRestoreRangesMax);
  if (!progress) return progress.error().in("backup");
  DUALSYNC_TRY(save(*target_.make_writer(), *progress));
  return progress;
}

Result<void> RestoreDocuments::finish() {
  const std::string key = mark_key();
  const WriteItem item{WriteItem::Kind::kDelete, key, {}};
  auto outcomes = target_.make_writer()->write(marks(), {&item, 1});
  if (!outcomes) return outcomes.error().in("target");
  auto empty = target_.make_reader()->is_empty(marks());
  if (!empty) return empty.error().in("target");
  if (!*empty) return {};  // other restores, or a mirror into this database
  auto dropped = target_.make_schema_writer()->drop(marks());
  if (!dropped && dropped.error().kind != ErrorKind::kNotFound) return dropped.error().in("target");
  return {};
}

Result<void> RestoreDocuments::copy(CopyProgress progress, std::stop_token stop) {
  CopyPages pages([this] { return source_.make_reader(); }, job_.source, std::move(progress), threads_);
  DUALSYNC_TRY(on_threads(threads_, [&] { return copy_pages(pages, stop); }));
  return save(*target_.make_writer(), pages);
}

Result<void> RestoreDocuments::copy_pages(CopyPages& pages, std::stop_token stop) {
  const auto writer = target_.make_writer();
  CopyPage page;
  for (;;) {
    auto copied = copy_page(pages, *writer, &page, stop);
    if (!copied) pages.give_up();
    if (!copied) return copied.error();
    if (!*copied) return {};
  }
}

Result<bool> RestoreDocuments::copy_page(CopyPages& pages, BackupWriter& writer, CopyPage* page, std::stop_token stop) {
  auto read = pages.read(page, stop);
  if (!read) return read.error().in("backup");
  if (stop.stop_requested()) return Error{ErrorKind::kStopped, "restore stopped", "", 0};
  if (!*read) return false;
  std::vector<std::string> keys;
  std::vector<WriteItem> items;
  keys.reserve(page->size());
  for (std::size_t i = 0; i < page->size(); ++i) {
    keys.push_back(id_key_of(page->document(i)));
    items.push_back({WriteItem::Kind::kInsert, keys.back(), page->document(i)});
  }
  DUALSYNC_TRY(send(writer, items));
  if (pages.done(*page)) DUALSYNC_TRY(save(writer, pages));
  return true;
}

Result<void> RestoreDocuments::send(BackupWriter& writer, const Page& page) {
  for (const auto* entries : {&page.deletes, &page.writes}) {
    std::vector<WriteItem> items;
    items.reserve(entries->size());
    for (const Page::Entry& entry : *entries) items.push_back({entry.kind, entry.key, entry.document});
    if (!items.empty()) DUALSYNC_TRY(send(writer, items));
  }
  return {};
}

// What the target refuses is left to the comparison, which finds it missing: a unique value may still be taken.
Result<void> RestoreDocuments::send(BackupWriter& writer, std::span<const WriteItem> items) {
  auto outcomes = writer.write(job_.target, items);
  if (!outcomes) return outcomes.error().in("target");
  for (std::size_t i = 0; i < items.size(); ++i) {
    const WriteOutcome& outcome = (*outcomes)[i];
    if (outcome.ok) written_.fetch_add(1, std::memory_order_relaxed);
    if (outcome.ok || outcome.duplicate_id) continue;
    if (outcome.error.kind == ErrorKind::kDenied) return outcome.error.in("target");
    MutexLock lock(mutex_);
    refusal_ = "_id " + to_json(std::string(items[i].document_key)) + ": " + outcome.error.message;
  }
  progress_(items.size());
  return {};
}

Result<std::uint64_t> RestoreDocuments::pass(RestoreCounts* counts, std::vector<std::string>* keys,
                                             std::stop_token stop) {
  const auto source = source_.make_reader();
  const auto target = target_.make_reader();
  const auto writer = target_.make_writer();
  std::uint64_t differences = 0;
  counts->evicted = 0;
  Page page;
  std::string oldest;  // what a capped target has no room for is older than this
  if (job_.in_order) {
    auto cursor = target->scan(job_.target, {});
    if (!cursor) return cursor.error().in("target");
    auto first = (*cursor)->next();
    if (!first) return first.error().in("target");
    if (!first->empty()) oldest = id_key_of(*first);
  }
  const auto found = [&](const FoundDifference& difference) -> Result<void> {
    if (difference.kind == DifferenceKind::kMissing && !oldest.empty() && compare_ids(difference.local, oldest) < 0) {
      ++counts->evicted;
      return {};
    }
    ++differences;
    if (keys->size() <= kSettleMax)
      keys->push_back(id_key_of(difference.local.empty() ? difference.backup : difference.local));
    // A replace cannot change the `_id`'s type and does not take every field name; a delete and an insert do.
    if (!difference.backup.empty()) page.remove(id_key_of(difference.backup));
    if (!difference.local.empty()) page.write(WriteItem::Kind::kInsert, difference.local);
    if (!page.full()) return {};
    DUALSYNC_TRY(send(*writer, page));
    page.clear();
    return {};
  };
  auto compared =
      compare_namespace(*source, job_.source, *target, job_.target, {}, stop, found, [](const CompareCounts&) {});
  if (!compared) return compared.error();
  if (page.size() > 0) DUALSYNC_TRY(send(*writer, page));
  counts->documents = compared->local;
  return differences;
}

Result<std::size_t> RestoreDocuments::settle(std::vector<std::string> keys, std::stop_token stop) {
  const auto source = source_.make_reader();
  const auto target = target_.make_reader();
  const auto writer = target_.make_writer();
  for (int round = 0; round < kSettleRounds && !keys.empty(); ++round) {
    std::vector<std::string> left;
    for (std::size_t begin = 0; begin < keys.size(); begin += kSettleTogether) {
      if (stop.stop_requested()) return Error{ErrorKind::kStopped, "restore stopped", "", 0};
      const std::size_t count = std::min(kSettleTogether, keys.size() - begin);
      auto unequal = settle_some(*source, *target, *writer, std::span(keys).subspan(begin, count));
      if (!unequal) return unequal.error();
      left.insert(left.end(), unequal->begin(), unequal->end());
    }
    keys = std::move(left);
  }
  return keys.size();
}

Result<std::vector<std::string>> RestoreDocuments::settle_some(DocumentReader& source, DocumentReader& target,
                                                               BackupWriter& writer,
                                                               std::span<const std::string> keys) {
  auto wanted = look_up(source, job_.source, keys);
  if (!wanted) return wanted.error().in("backup");
  auto present = look_up(target, job_.target, keys);
  if (!present) return present.error().in("target");
  if (*present == *wanted) return std::vector<std::string>();
  Page page;
  for (const auto& [key, document] : *present) {
    const auto same = wanted->find(key);
    if (same == wanted->end() || same->second != document) page.remove(id_key_of(document));
  }
  for (const auto& [key, document] : *wanted) {
    const auto same = present->find(key);
    if (same == present->end() || same->second != document) page.write(WriteItem::Kind::kInsert, document);
  }
  DUALSYNC_TRY(send(writer, page));
  present = look_up(target, job_.target, keys);
  if (!present) return present.error().in("target");
  std::vector<std::string> unequal;
  for (const std::string& id : keys) {
    std::string key;
    append_canonical_key(id, &key);
    const auto a = wanted->find(key);
    const auto b = present->find(key);
    const bool gone = a == wanted->end() && b == present->end();
    if (!gone && (a == wanted->end() || b == present->end() || a->second != b->second)) unequal.push_back(id);
  }
  return unequal;
}

Result<RestoreCounts> RestoreDocuments::prove(std::stop_token stop) {
  RestoreCounts counts;
  std::uint64_t differences = 0;
  for (int i = 0; i < kPassesMax; ++i) {
    std::vector<std::string> keys;
    auto found = pass(&counts, &keys, stop);
    if (!found) return found.error();
    differences = *found;
    if (i > 0 && !job_.in_order && keys.size() <= kSettleMax) {
      auto left = settle(std::move(keys), stop);
      if (!left) return left.error();
      differences = *left;
    }
    counts.written = written_;
    if (differences == 0) return counts;
  }
  MutexLock lock(mutex_);
  return Error{ErrorKind::kRefused,
               job_.target.full() + ": " + std::to_string(differences) + " documents still differ from the backup" +
                   (refusal_.empty() ? "" : "; the target refused " + refusal_),
               "Nothing else may write to the target meanwhile; if the mirror writes to the backup, try again.", 0};
}

}  // namespace dualsync
