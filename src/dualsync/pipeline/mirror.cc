#include "dualsync/pipeline/mirror.h"

#include <algorithm>

#include "dualsync/base/log.h"
#include "dualsync/base/time_text.h"
#include "dualsync/base/waiting.h"
#include "dualsync/codec/bson.h"
#include "dualsync/observe/health.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kTick{1000};
constexpr int kOplogWindowTicks = 30;
constexpr std::chrono::milliseconds kWaitPoll{5};

}  // namespace

Mirror::Mirror(PipelineOptions options, const Scope& scope, LocalSide& local, BackupSide& backup, SyncQueue& queue,
               const Clock& clock, MirrorGuards guards)
    : scope_(scope),
      local_(local),
      queue_(queue),
      clock_(clock),
      guards_(guards),
      breaker_(clock, 0xbf58476d1ce4e5b9ULL),
      pause_(queue, clock),
      limiter_(clock, options.operations_per_second, options.bytes_per_second),
      time_series_(queue),
      delete_guard_(options.mass_delete_percent, scope, local, backup, queue, clock),
      context_{options, scope, local, backup, queue, breaker_, counters_, clock, &limiter_, guards.writer},
      capture_(context_),
      full_sync_(context_),
      ddl_(context_),
      keeper_(queue, clock),
      started_(clock.now()) {
  context_.pause = &pause_;
  context_.delete_guard = &delete_guard_;
  context_.time_series = &time_series_;
  context_.metrics = &metrics_;
  counters_.maybe_written_until_ms = clock.unix_ms();
  for (std::size_t i = 0; i < options.lanes; ++i) lanes_.push_back(std::make_unique<Lane>(context_, i));
  synced_applied_ = queue.applied_position();
}

Mirror::~Mirror() { stop(std::chrono::milliseconds(0)); }

void Mirror::spawn(const char* name, std::stop_token stop, std::function<Result<void>(std::stop_token)> body) {
  auto& threads = stop == stop_capture_.get_token() ? capture_threads_ : threads_;
  threads.emplace_back([this, name, stop, body = std::move(body)] {
    auto ended = body(stop);
    // A standalone local is a permanent condition that health reports, not a failure of ours.
    if (ended || ended.error().kind == ErrorKind::kUnsupported || ended.error().kind == ErrorKind::kStopped) return;
    MutexLock lock(mutex_);
    if (!failure_) failure_ = ended.error().in(name);
  });
}

void Mirror::start() {
  if (auto loaded = full_sync_.job().load(); !loaded) {
    MutexLock lock(mutex_);
    failure_ = loaded.error().in("full sync");
  }
  if (auto loaded = pause_.load(); !loaded) {
    MutexLock lock(mutex_);
    failure_ = loaded.error().in("pause");
  }
  if (auto loaded = delete_guard_.load(); !loaded) {
    MutexLock lock(mutex_);
    failure_ = loaded.error().in("mass-delete guard");
  }
  if (auto loaded = time_series_.load(); !loaded) {
    MutexLock lock(mutex_);
    failure_ = loaded.error().in("time series");
  }
  const auto all = stop_all_.get_token();
  spawn("capture", stop_capture_.get_token(), [this](std::stop_token stop) { return capture_.run(stop); });
  for (const auto& lane : lanes_) {
    spawn("lane", all, [&lane = *lane](std::stop_token stop) { return lane.run(stop); });
  }
  spawn("mass-delete guard", all, [this](std::stop_token stop) { return delete_guard_.run(stop); });
  spawn("ddl", all, [this](std::stop_token stop) { return ddl_.run(stop); });
  spawn("full sync", all, [this](std::stop_token stop) { return full_sync_.run(stop); });
  if (guards_.writer != nullptr) {
    spawn("lease", all, [this](std::stop_token stop) { return guards_.writer->run(stop, breaker_); });
  }
  spawn("tick", all, [this](std::stop_token stop) {
    tick(stop);
    return Result<void>();
  });
}

void Mirror::stop(std::chrono::milliseconds drain) {
  stop_waits_.request_stop();
  const SteadyTime deadline = clock_.now() + drain;
  const OpTime captured = queue_.position().time;
  const auto drained = [&] { return queue_.stats().operations == 0 || queue_.settled_position() >= captured; };
  while (!threads_.empty() && clock_.now() < deadline && breaker_.trouble_free() && context_.may_write() &&
         !failure() && !queue_.trouble() && !drained()) {
    sleep_for(kWaitPoll, stop_all_.get_token());
  }
  stop_capture_.request_stop();
  for (std::jthread& thread : capture_threads_) thread.join();
  capture_threads_.clear();
  stop_all_.request_stop();
  const bool started = !threads_.empty();
  for (std::jthread& thread : threads_) thread.join();
  threads_.clear();
  // With the backup away it would only hold up the end; the lease runs out by itself.
  if (started && guards_.writer != nullptr && breaker_.trouble_free()) guards_.writer->give_up();
}

std::optional<Error> Mirror::failure() const {
  MutexLock lock(mutex_);
  return failure_;
}

double Mirror::wall_seconds() const { return static_cast<double>(clock_.unix_ms()) / 1000.0; }

std::uint64_t Mirror::repairs_due() const {
  const std::vector<DirtyRange> ranges = queue_.dirty_ranges();
  return static_cast<std::uint64_t>(std::count_if(
      ranges.begin(), ranges.end(), [&](const DirtyRange& range) { return !time_series_.was_mirrored(range.ns); }));
}

double Mirror::rpo_seconds(const Status& status) const {
  if (is_reading(status.capture) && status.queue_size == 0 && status.dirty_ranges == 0) return 0;
  const OpTime from = status.applied_position.is_null() ? status.capture_position : status.applied_position;
  if (from.is_null()) return static_cast<double>(status.uptime_seconds);
  MutexLock lock(mutex_);
  return std::max(0.0, cluster_clock_.seconds(clock_.since_boot()).value_or(wall_seconds()) - from.t);
}

void Mirror::say_who_writes(Status* status) const {
  if (guards_.local != nullptr) {
    const auto view = guards_.local->view();
    status->local = view.trust;
    status->local_cause = view.cause;
  }
  if (guards_.writer != nullptr) {
    const auto view = guards_.writer->view();
    status->writer = view.state;
    status->writer_cause = view.cause;
  }
}

Status Mirror::status() const {
  const QueueStats stats = queue_.stats();
  const Capture::View capture = capture_.view();
  const CircuitBreaker::View breaker = breaker_.view();
  Status status;
  status.enabled = true;
  status.paused_since_ms = pause_.since_ms();
  status.uptime_seconds = std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - started_).count();
  status.total_operations = stats.appended;
  status.successful_syncs = stats.done;
  status.failed_syncs = stats.refused;
  status.queue_size = stats.operations;
  status.queue_bytes = stats.bytes;
  status.avg_sync_ms = stats.avg_sync_ms;
  if (stats.last_done_ms != 0) status.last_sync_ms = stats.last_done_ms;
  status.coalesced_operations = stats.coalesced;
  status.bytes_saved = stats.bytes_saved;
  status.dead_letters = stats.dead_letters;
  status.held = delete_guard_.view();
  for (const HeldDeletes& one : status.held) status.held_deletes += one.documents;
  status.guard_trips = delete_guard_.trips();
  status.dirty_ranges = stats.dirty_ranges;
  status.repairs_due = repairs_due();
  status.refused_repairs = full_sync_.refused();
  status.payloads_dropped = stats.payloads_dropped;
  status.ranges_dropped = stats.ranges_dropped;
  status.over_bounds = stats.over_bounds;
  status.disk_low = stats.disk_low;
  status.data_dir_trouble = context_.options.data_dir_trouble;
  status.conflicts = counters_.conflicts;
  status.gaps = counters_.gaps + (guards_.backup != nullptr ? guards_.backup->losses() : 0);
  status.malformed_events = counters_.malformed_events;
  status.bytes_sent = counters_.bytes_sent;
  status.owed_indexes = (status.owed = full_sync_.owed_indexes()).size();
  status.copy = full_sync_.view();
  status.time_series = time_series_.view();
  for (const auto& lane : lanes_) status.lanes.push_back(lane->view());
  status.breaker = breaker.state;
  status.breaker_seconds = breaker.seconds;
  status.breaker_cause = breaker.cause;
  status.capture = capture.state;
  status.capture_cause = capture.cause;
  status.capture_position = queue_.position().time;
  say_who_writes(&status);
  HealthInput input;
  input.now_ms = clock_.unix_ms();
  if (const auto trouble = queue_.trouble()) input.queue_trouble = trouble->message;
  if (provers_.drills != nullptr) input.drill_failure = provers_.drills->failure();
  if (provers_.verify != nullptr) input.verify_findings = provers_.verify->findings();
  if (provers_.canary != nullptr) status.canary = provers_.canary->view();
  if (provers_.reconciler != nullptr) status.reconcile = provers_.reconciler->view();
  input.capture_silent_seconds = capture.silent_seconds;
  {
    MutexLock lock(mutex_);
    status.applied_position = synced_applied_;
    status.oplog_window_seconds = oplog_window_;
    status.verified_until = proofs_.verified_until;
    status.last_proven_restore_ms = proofs_.last_restore_ms;
    input.growing_seconds = backlog_.growing().count();
    if (failure_) input.failure = failure_->message;
  }
  status.rpo_seconds = rpo_seconds(status);
  derive_health(input, &status);
  return status;
}

void Mirror::tick(std::stop_token stop) {
  const auto reader = local_.make_reader();
  for (int ticks = 0; !stop.stop_requested(); ++ticks) {
    // What is reported must survive a power cut: first the number, then the sync, then the report.
    const OpTime applied = queue_.applied_position();
    const auto synced = queue_.sync();
    const std::uint64_t waiting = queue_.stats().operations;
    {
      MutexLock lock(mutex_);
      backlog_.look(waiting, clock_.now());
      cluster_clock_.look(queue_.position().time, wall_seconds(), clock_.since_boot());
      if (synced) {
        // Null: nothing counts any more, because the backup is another one.
        synced_applied_ = applied.is_null() ? applied : std::max(synced_applied_, applied);
      } else if (!failure_ && synced.error().kind != ErrorKind::kIo) {
        failure_ = synced.error().in("tick");
      }
    }
    if (ticks % kOplogWindowTicks == 0 && capture_.view().state == CaptureState::kStreaming) {
      auto window = reader->oplog_window_seconds();
      MutexLock lock(mutex_);
      // Not every user may read the oplog; then the figure is simply not known.
      oplog_window_ = window ? std::optional<std::int64_t>(*window) : std::nullopt;
    }
    if (!context_.options.proof_dir.empty()) {
      const Proofs proofs = load_proofs(context_.options.proof_dir);
      MutexLock lock(mutex_);
      proofs_ = proofs;
    }
    keeper_.tend();
    const Status now = status();
    log_changes(now);
    if (watcher_) watcher_(now);
    sleep_for(kTick, stop);
  }
}

void Mirror::log_changes(const Status& status) {
  if (last_verdict_ == status.verdict) return;
  last_verdict_ = status.verdict;
  std::string reasons;
  for (const Reason& reason : status.reasons) reasons += (reasons.empty() ? "" : "; ") + reason.message;
  const auto level = status.verdict == Verdict::kHealthy ? log::Level::kInfo : log::Level::kWarn;
  log::write(level, "health", std::string("verdict: ") + std::string(to_string(status.verdict)),
             {{"rpo_seconds", status.rpo_seconds}, {"reasons", reasons}});
}

}  // namespace dualsync
