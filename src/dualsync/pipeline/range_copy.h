// RangeCopy: the plain copy of one namespace into an empty one; while some of its threads send a page, another reads.
//
// Order    the namespace's operations must be held while it runs
// Rule     documents go out as inserts; one that is there already (from before a restart) is replaced by what local
//          holds now. A document that the backup refuses becomes a touch, and thereby a retry and a dead letter of its
//          own
// Units    memory: a page and its command for each thread
// Threads  run() starts its own and joins them
#pragma once

#include <atomic>
#include <memory>
#include <stop_token>
#include <vector>

#include "dualsync/base/mutex.h"
#include "dualsync/pipeline/context.h"
#include "dualsync/pipeline/copy_pages.h"

namespace dualsync {

class RangeCopy {
 public:
  RangeCopy(PipelineContext& context, DirtyRange range, CopyProgress progress,
            std::atomic<std::uint64_t>& documents_done);

  // kConnectivity and the like: what was copied so far is saved, run again later. kStopped also while applying is
  // paused. kNotFound: local's collection went away meanwhile.
  Result<void> run(std::stop_token stop);
  // Writers whose last page was not answered. Until they are settled the namespace's operations must stay held: what
  // arrives late would stand beside their work.
  std::vector<std::unique_ptr<BackupWriter>> take_unsettled();

 private:
  Result<void> copy_pages(std::stop_token stop);
  // False: nothing is left to be read.
  Result<bool> copy_page(CopyPage* page, std::stop_token stop);
  Result<void> send(const CopyPage& page, std::size_t* already_there);
  Result<void> send(BackupWriter& writer, const CopyPage& page, std::size_t* already_there);
  Result<void> touch(const std::vector<std::string_view>& keys);
  Result<void> save();

  PipelineContext& context_;
  const DirtyRange range_;
  const Namespace backup_ns_;
  std::atomic<std::uint64_t>& documents_done_;
  CopyPages pages_;
  Mutex saving_;  // an older progress is never saved over a newer one
  Mutex mutex_;
  std::vector<std::unique_ptr<BackupWriter>> unsettled_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
