#include "dualsync/pipeline/queue_keeper.h"

#include "dualsync/base/log.h"
#include "dualsync/base/waiting.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kPoll{50};

}  // namespace

QueueKeeper::QueueKeeper(SyncQueue& queue, const Clock& clock)
    : queue_(queue), clock_(clock), backoff_(0xff51afd7ed558ccdULL) {}

void QueueKeeper::tend() {
  const auto trouble = queue_.trouble();
  if (!trouble) {
    // Only a queue that went on taking writes is well again: a disk with room for one more must not reset the waits.
    if (!failing_) backoff_.reset();
    failing_ = false;
    return;
  }
  if (trouble->kind != ErrorKind::kIo) return;
  const SteadyTime now = clock_.now();
  if (!failing_) {
    failing_ = true;
    since_ = now;
    next_try_ = now;
    log::error("queue", "the disk failed: nothing is read from local until the queue can be written again",
               {{"error", trouble->message}, {"hint", trouble->hint}});
  }
  if (now < next_try_) return;
  const auto recovered = queue_.recover();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - since_).count();
  if (recovered) {
    log::info("queue", "the queue can be written again; it goes on with what the disk holds",
              {{"position", queue_.position().time.to_string()},
               {"operations", queue_.stats().operations},
               {"failed_seconds", seconds}});
    return;
  }
  const auto delay = backoff_.next();
  next_try_ = clock_.now() + delay;
  log::warn("queue", "the queue still cannot be written",
            {{"error", recovered.error().message}, {"failed_seconds", seconds}, {"retry_ms", delay.count()}});
}

Result<void> outlast(const Error& error, const SyncQueue& queue, const std::stop_token& stop) {
  if (error.kind != ErrorKind::kIo) return error;
  for (auto trouble = queue.trouble(); trouble && !stop.stop_requested(); trouble = queue.trouble()) {
    if (trouble->kind != ErrorKind::kIo) return *trouble;
    sleep_for(kPoll, stop);
  }
  return {};
}

}  // namespace dualsync
