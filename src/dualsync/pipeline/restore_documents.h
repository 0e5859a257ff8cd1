// RestoreDocuments: makes the documents of one collection of the target those of the backup, and proves it.
//
// Rule     an empty target is filled range by range and remembers how far it is (in `<database>.__dualsync` of the
//          target), so that an interrupted restore goes on there; any other is compared and only differences are
//          written. Both end with a comparison that finds nothing, or only documents that the mirror changes meanwhile:
//          each of those is read from the backup, written and read back, byte for byte
// Units    memory: a page of documents and its command per thread
// Threads  copies with several of its own; one owner
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "dualsync/base/mutex.h"
#include "dualsync/pipeline/copy_pages.h"
#include "dualsync/ports/sides.h"

namespace dualsync {

struct RestoreJob {
  Namespace source;  // on the backup
  Namespace target;
  bool in_order = false;  // one range only: a capped collection keeps documents in the order they come
};

struct RestoreCounts {
  std::uint64_t documents = 0;  // of the backup
  std::uint64_t written = 0;
  std::uint64_t evicted = 0;  // missing on a capped target
};

class RestoreDocuments {
 public:
  RestoreDocuments(BackupSide& source, BackupSide& target, RestoreJob job, std::size_t threads,
                   std::function<void(std::uint64_t)> progress);

  // What an interrupted restore of this collection has left; nothing if there was none.
  Result<std::optional<CopyProgress>> unfinished();
  // Marks the target as being restored. kDenied: this user may not write there.
  Result<CopyProgress> begin();
  // Fills an empty target, or goes on filling it.
  Result<void> copy(CopyProgress progress, std::stop_token stop);
  // Compares and repairs until nothing differs. kRefused: something still differs, or was not taken by the target.
  Result<RestoreCounts> prove(std::stop_token stop);
  Result<void> finish();

 private:
  struct Page;

  Result<void> copy_pages(CopyPages& pages, std::stop_token stop);
  Result<bool> copy_page(CopyPages& pages, BackupWriter& writer, CopyPage* page, std::stop_token stop);
  Result<void> send(BackupWriter& writer, const Page& page);
  Result<void> send(BackupWriter& writer, std::span<const WriteItem> items);
  Result<void> save(BackupWriter& writer, const CopyPages& pages) DUALSYNC_EXCLUDES(saving_);
  Result<void> save(BackupWriter& writer, const CopyProgress& progress);
  // `keys`: of what differed, up to the most that settle() takes and one.
  Result<std::uint64_t> pass(RestoreCounts* counts, std::vector<std::string>* keys, std::stop_token stop);
  // Returns how many still were not on the target as they had just been read from the backup.
  Result<std::size_t> settle(std::vector<std::string> keys, std::stop_token stop);
  Result<std::vector<std::string>> settle_some(DocumentReader& source, DocumentReader& target, BackupWriter& writer,
                                               std::span<const std::string> keys);
  Namespace marks() const;
  std::string mark_key() const;

  BackupSide& source_;
  BackupSide& target_;
  const RestoreJob job_;
  const std::size_t threads_;
  const std::function<void(std::uint64_t)> progress_;
  std::atomic<std::uint64_t> written_{0};
  Mutex saving_;  // an older progress is never saved over a newer one
  Mutex mutex_;
  std::string refusal_ DUALSYNC_GUARDED_BY(mutex_);  // the last thing that the target did not take
};

}  // namespace dualsync
