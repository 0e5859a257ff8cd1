// Lane: one worker thread with its own connection. A document always belongs to the same lane.
//
// Threads  run() is the thread; the rest may be called by anyone
#pragma once

#include <atomic>
#include <stop_token>

#include "dualsync/model/status.h"
#include "dualsync/pipeline/batch_sizer.h"
#include "dualsync/pipeline/context.h"

namespace dualsync {

class Lane {
 public:
  Lane(PipelineContext& context, std::size_t index);

  // Returns when stopped (success) or when the queue cannot be used any more.
  Result<void> run(std::stop_token stop);
  // One batch, or one probe. Waits for work unless `stop` is requested already.
  Result<void> step(CircuitBreaker::Permit permit, std::stop_token stop);
  LaneStatus view() const;

 private:
  Result<void> apply(const std::vector<TakenOperation>& taken, bool making_room);
  Result<void> give_back(const std::vector<TakenOperation>& taken);
  bool probe();
  BackupWriter& writer();

  PipelineContext& context_;
  const std::size_t index_;
  BatchSizer sizer_;
  Backoff backoff_;
  // Both hold a connection, and are given back to their pools when idle. The writer also holds one session: after a
  // batch that was not answered it is settled before anything else, so that the batch is refused if it arrives late.
  std::unique_ptr<DocumentReader> local_;
  std::unique_ptr<BackupWriter> writer_;
  // For view().
  std::atomic<std::uint64_t> in_flight_{0};
  std::atomic<std::uint64_t> batch_size_{0};
  std::atomic<std::uint64_t> batches_{0};
  std::atomic<std::uint64_t> last_batch_ms_{0};
};

}  // namespace dualsync
