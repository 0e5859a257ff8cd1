// RangeCopy: the plain copy of one namespace into an empty one, in parallel ranges of `_id`.
//
// Order    the namespace's operations must be held while it runs
// Rule     documents go out as inserts; one that is there already (from before a restart) is replaced by what local
//          holds now. A document that the backup refuses becomes a touch, and thereby a retry and a dead letter of its
//          own
// Threads  run() starts its readers and joins them
#pragma once

#include <atomic>
#include <memory>
#include <stop_token>
#include <vector>

#include "dualsync/base/mutex.h"
#include "dualsync/pipeline/context.h"
#include "dualsync/pipeline/copy_progress.h"

namespace dualsync {

class RangeCopy {
 public:
  RangeCopy(PipelineContext& context, DirtyRange range, CopyProgress progress,
            std::atomic<std::uint64_t>& documents_done);

  // kConnectivity and the like: what was copied so far is saved, run again later. kNotFound: local's collection went
  // away meanwhile.
  Result<void> run(std::stop_token stop);
  // Writers whose last page was not answered. Until they are settled the namespace's operations must stay held: what
  // arrives late would stand beside their work.
  std::vector<std::unique_ptr<BackupWriter>> take_unsettled();

 private:
  struct Page;
  Result<void> copy_ranges(std::stop_token stop);
  Result<void> copy_range(std::size_t index, std::stop_token stop);
  Result<void> send(const Page& page, std::size_t* already_there);
  Result<void> send(BackupWriter& writer, const Page& page, std::size_t* already_there);
  Result<void> touch(const std::vector<std::string_view>& keys);
  Result<void> save(std::size_t index, const std::string& last, bool done);

  PipelineContext& context_;
  const Namespace backup_ns_;
  std::atomic<std::uint64_t>& documents_done_;
  std::atomic<std::size_t> next_range_{0};
  Mutex mutex_;
  DirtyRange range_ DUALSYNC_GUARDED_BY(mutex_);
  CopyProgress progress_ DUALSYNC_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<BackupWriter>> unsettled_ DUALSYNC_GUARDED_BY(mutex_);
};

}  // namespace dualsync
