#include "dualsync/middleware/reporter.h"

#include <algorithm>
#include <utility>

#include "dualsync/base/log.h"
#include "dualsync/base/waiting.h"
#include "dualsync/middleware/transactions.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kLook{100};  // how often ripening changes and deadlines are looked at
constexpr std::chrono::milliseconds kFirstRetry{100};
constexpr std::chrono::milliseconds kLastRetry{10'000};

bool is_empty(const ReportedChanges& changes) { return changes.documents.empty() && changes.ranges.empty(); }
std::size_t count_of(const ReportedChanges& changes) { return changes.documents.size() + changes.ranges.size(); }

}  // namespace

Reporter::Reporter(const Clock& clock, ReportSink sink, ReporterOptions options)
    : clock_(clock), sink_(std::move(sink)), options_(options) {}

void Reporter::add(ReportedChanges&& changes) {
  if (is_empty(changes)) return;
  bool first = false;
  {
    const MutexLock lock(mutex_);
    first = is_empty(ready_);
    merge_changes(std::move(changes), options_.documents_max, &ready_);
  }
  if (first) changed_.notify_all();
}

void Reporter::add_unsure(ReportedChanges&& changes) {
  const MutexLock lock(mutex_);
  merge_changes(std::move(changes), options_.documents_max, &unsure_);
}

bool Reporter::has_work() const { return !is_empty(ready_); }

bool Reporter::is_idle() const { return telling_ == 0 && is_empty(ready_) && is_empty(ripening_) && is_empty(unsure_); }

ReportedChanges Reporter::take() {
  const SteadyTime now = clock_.now();
  if (is_empty(ripening_) && !is_empty(unsure_)) {
    ripening_ = std::exchange(unsure_, {});
    ripe_at_ = now + options_.unsure_for;
  }
  if (!is_empty(ripening_) && now >= ripe_at_)
    merge_changes(std::exchange(ripening_, {}), options_.documents_max, &ready_);
  ReportedChanges taken = std::exchange(ready_, {});
  telling_ = count_of(taken);
  return taken;
}

void Reporter::told(ReportedChanges&& changes, const Result<void>& outcome) {
  {
    const MutexLock lock(mutex_);
    telling_ = 0;
    if (outcome) {
      view_.documents += changes.documents.size();
      view_.ranges += changes.ranges.size();
      view_.trouble.reset();
    } else {
      if (!view_.trouble)
        log::warn("middleware", "the queue takes nothing; it is kept in memory and tried again",
                  {{"error", outcome.error().message}, {"hint", outcome.error().hint}});
      view_.trouble = outcome.error();
      merge_changes(std::move(changes), options_.documents_max, &ready_);
    }
  }
  changed_.notify_all();
}

void Reporter::run(const std::stop_token& stop) {
  std::chrono::milliseconds pause{0};
  while (!stop.stop_requested()) {
    ReportedChanges taken;
    {
      const MutexLock lock(mutex_);
      changed_.wait_for(mutex_, stop, kLook, [this]() DUALSYNC_REQUIRES(mutex_) { return has_work(); });
    }
    sleep_for(pause.count() > 0 ? pause : options_.linger, stop);
    {
      const MutexLock lock(mutex_);
      taken = take();
    }
    if (is_empty(taken)) continue;
    const Result<void> outcome = sink_(taken);
    pause = outcome ? std::chrono::milliseconds(0) : std::clamp(pause * 2, kFirstRetry, kLastRetry);
    told(std::move(taken), outcome);
  }
}

bool Reporter::flush(std::chrono::milliseconds timeout) {
  const MutexLock lock(mutex_);
  return changed_.wait_for(mutex_, timeout, [this]() DUALSYNC_REQUIRES(mutex_) { return is_idle(); });
}

ReporterView Reporter::view() const {
  const MutexLock lock(mutex_);
  ReporterView view = view_;
  view.waiting = telling_ + count_of(ready_) + count_of(ripening_) + count_of(unsure_);
  return view;
}

}  // namespace dualsync
