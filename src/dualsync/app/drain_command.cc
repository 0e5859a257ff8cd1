#include "dualsync/app/drain_command.h"

#include <sys/stat.h>

#include <algorithm>

#include "dualsync/app/signals.h"
#include "dualsync/base/log.h"
#include "dualsync/mongo/mongoc_library.h"
#include "dualsync/pipeline/absent_local.h"
#include "dualsync/pipeline/mirror.h"
#include "dualsync/service/component_options.h"
#include "dualsync/service/guards.h"

namespace dualsync {
namespace {

constexpr std::size_t kListedMax = 1000;
constexpr std::chrono::milliseconds kPoll{200};
// Longer than the pause after which a lane looks again at what could not be read.
constexpr std::chrono::seconds kStill{4};

Error without_queue() {
  return {ErrorKind::kNotFound, "the queue knows of no local: there is nothing to send",
          "is SYNC_DATA_DIR the data directory of the daemon that mirrored?", 0};
}

DrainReport report_of(const SyncQueue& queue, std::uint64_t done_before) {
  const QueueStats stats = queue.stats();
  DrainReport report;
  report.sent = stats.done - done_before;
  report.dead_letters = stats.dead_letters;
  if (auto left = queue.list(kListedMax)) report.left = std::move(*left);
  for (const DirtyRange& range : queue.dirty_ranges()) report.ranges.push_back({range.ns, range.reason});
  report.captured_until = queue.position().time;
  return report;
}

// Until everything is sent, or nothing has been for a while although it may be written.
Result<void> drain(const Mirror& mirror, const SyncQueue& queue, const VerifyProgress& progress) {
  const std::uint64_t total = queue.stats().operations;
  std::uint64_t left_before = total + 1;
  SteadyTime moved = system_clock().now();
  bool wrote = false;
  for (;;) {
    if (wait_for_signal(kPoll) != 0) return Error{ErrorKind::kStopped, "stopped; what was sent stays sent", "", 0};
    if (auto failure = mirror.failure()) return *failure;
    const Status status = mirror.status();
    if (status.local == LocalTrust::kWrong) return Error{ErrorKind::kConflict, status.local_cause, "", 0};
    const bool may_write = status.writer == WriterState::kOwner && status.breaker == BreakerState::kClosed;
    CopyStatus shown;
    shown.documents_total = total;
    shown.documents_done = total - std::min(total, status.queue_size);
    progress(shown);
    if (status.queue_size == 0) return {};
    const SteadyTime now = system_clock().now();
    if (status.queue_size != left_before || (may_write && !wrote)) moved = now;
    left_before = status.queue_size;
    wrote = wrote || may_write;
    if (may_write && now - moved > kStill) return {};
    if (status.breaker != BreakerState::kClosed && now - moved > kStill) {
      return Error{ErrorKind::kConnectivity, "the backup is offline: " + status.breaker_cause,
                   "give the command again when it answers; what was sent stays sent", 0};
    }
  }
}

}  // namespace

Result<DrainReport> run_drain(const Settings& settings, const VerifyProgress& progress) {
  block_signals();
  ::umask(S_IRWXG | S_IRWXO);
  log::configure(log::Level::kOff, settings.log_format);
  const MongocLibrary library;
  auto sides = open_sides(settings, {std::chrono::seconds(30), settings.lease});
  if (!sides) return sides.error();
  if (auto facts = sides->backup->deployment().probe(settings.connect_timeout); !facts)
    return facts.error().in("backup");
  auto queue = SyncQueue::open(queue_options(settings));
  if (!queue) return queue.error();
  const auto known = known_local(**queue);
  if (!known) return without_queue();
  AbsentLocal local;
  auto guards = make_guards(settings, local, std::make_unique<RememberedLocal>(*known, (*queue)->position().time),
                            *sides->backup, sides->scope, **queue);
  if (!guards) return guards.error();
  PipelineOptions options = pipeline_options(settings, "");
  options.without_local = true;
  options.drop_retention = std::chrono::milliseconds(0);  // after a disaster nothing leaves the backup by its age
  Mirror mirror(options, sides->scope, *guards->local, *sides->backup, **queue, system_clock(),
                {guards->writer.get(), guards->local_guard.get()});
  const std::uint64_t done_before = (*queue)->stats().done;
  mirror.start();
  const auto ended = drain(mirror, **queue, progress);
  mirror.stop(std::chrono::milliseconds(0));
  if (!ended) return ended.error();
  DUALSYNC_TRY((*queue)->sync());
  DrainReport report = report_of(**queue, done_before);
  report.loose = mirror.context().counters.loose_deltas;
  return report;
}

}  // namespace dualsync
