// EventFeed: what `GET /api/sync/events` sends, made once for all who watch.
//
// Order    samples are numbered from 1; everybody gets them in that order, a slow reader leaves some out
// Rule     made only while somebody waits, at most one each interval, on the thread of one of them
// Threads  any
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "dualsync/base/mutex.h"
#include "dualsync/ports/control.h"

namespace dualsync {

class EventFeed {
 public:
  struct Sample {
    std::uint64_t id = 0;
    std::string json;              // one line
    std::string verdict;           // the verdict and the codes of its reasons
    std::uint64_t verdict_id = 0;  // the sample in which the verdict was last found changed
    std::string verdict_json;      // one line, as GET /api/sync/health
  };

  EventFeed(const Control& control, std::chrono::milliseconds interval) : control_(control), interval_(interval) {}

  // The newest sample, once it is newer than `seen` (0: any that is not older than an interval). Null: stopped.
  std::shared_ptr<const Sample> next(std::uint64_t seen) DUALSYNC_EXCLUDES(mutex_);
  void stop() DUALSYNC_EXCLUDES(mutex_);  // for good

 private:
  using Time = std::chrono::steady_clock::time_point;
  std::shared_ptr<const Sample> make(const Sample* before) const;

  const Control& control_;
  const std::chrono::milliseconds interval_;
  Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<const Sample> newest_ DUALSYNC_GUARDED_BY(mutex_);
  Time made_ DUALSYNC_GUARDED_BY(mutex_);
  bool making_ DUALSYNC_GUARDED_BY(mutex_) = false;
  bool stopped_ DUALSYNC_GUARDED_BY(mutex_) = false;
};

// `sample` as server-sent events for somebody who has seen `seen_verdict` last.
std::string event_text(const EventFeed::Sample& sample, std::uint64_t seen_verdict);

}  // namespace dualsync
