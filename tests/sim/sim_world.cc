#include "sim/sim_world.h"

#include <cstdio>

#include "dualsync/base/log.h"
#include "dualsync/queue/queue_inspect.h"

namespace dualsync::sim {
namespace {

constexpr int kDeepest = 3;      // calls during calls
constexpr int kRoundsMax = 600;  // until everything must be quiet
constexpr int kBacklogWrites = 15;

std::stop_token stopped() {
  std::stop_source source;
  source.request_stop();
  return source.get_token();
}

}  // namespace

SimWorld::SimWorld(SimOptions options)
    : options_(options), random_(options.seed), backup_(backup_link_, [this] { return local_.time(); }) {
  log::configure(options_.trace ? log::Level::kInfo : log::Level::kOff, log::Format::kText);
  local_link_.random = backup_link_.random = &random_;
  local_link_.meanwhile = backup_link_.meanwhile = [this] { meanwhile(); };
  backup_.on_replace = [this](const Namespace& ns, std::string_view before, std::string_view after) {
    check_replace(ns, before, after);
  };
  if (options_.trace) backup_.note = [this](const std::string& text) { note(text); };
  choose_faults();
}

SimWorld::~SimWorld() = default;

// Each run has some faults and not others, so that some get the time to go deep.
void SimWorld::choose_faults() {
  const auto some = [&](int percent, int low, int high) {
    return random_.chance(percent) ? random_.between(low, high) : 0;
  };
  weights_ = {30,
              12,
              20,
              6,
              5,
              6,
              10,
              some(50, 1, 3),
              some(60, 1, 4),
              some(25, 1, 2),
              some(20, 1, 1),
              some(50, 3, 8),
              some(40, 1, 3),
              some(30, 1, 3)};
  local_link_.cut_percent = some(30, 1, 10);
  backup_link_.cut_percent = some(60, 2, 20);
  backup_.throttle_percent = some(30, 5, 20);
  backup_.late_percent = weights_.late > 0 ? 60 : 0;
  backup_.refuses = refusals_ = random_.chance(20);
  ddl_writes_ = random_.chance(35);
  wide_ids_ = random_.chance(30);
  local_.uuids_in_events = random_.chance(75);
  meanwhile_percent_ = some(80, 5, 30);
  ids_ = random_.between(2, 8);
  local_.batch_events = 1 + random_.below(6);
  pipeline_.lanes = 1 + random_.below(3);
  pipeline_.copy_threads = 1;
  pipeline_.batch_size = 1 + random_.below(8);
  pipeline_.batch_max = 20;
  pipeline_.retries_max = 1;
  pipeline_.on_drop = random_.chance(70) ? OnDrop::kArchive : OnDrop::kMirror;
  queue_options_.directory = "/queue";
  queue_options_.lanes = pipeline_.lanes;
  queue_options_.memory_operations = random_.chance(50) ? 1 + random_.below(6) : 100;
  if (random_.chance(30)) queue_options_.index_operations = random_.below(4);
  if (random_.chance(50)) queue_options_.recent_records = random_.below(4);
  queue_options_.clock = &clock_;
  queue_options_.env = &env_;
}

void SimWorld::note(const std::string& text) {
  if (options_.trace)
    std::printf("%4d %-6s %*s%s\n", result_.step, local_.time().to_string().c_str(), depth_ * 2, "", text.c_str());
}

void SimWorld::note_queue() {
  if (!options_.trace) return;
  const auto listing = list_queue(queue_options_.directory, SIZE_MAX, &env_);
  if (!listing) return;
  for (const ListedOperation& op : listing->operations) {
    const std::string key = op.document_key.empty() ? "" : " " + std::to_string(id_of(op.document_key).number);
    note("  waits: " + std::to_string(op.seq) + " " + std::string(to_string(op.kind)) + " " + op.ns.full() + key +
         " to " + op.time.to_string());
  }
  if (!process_) return;
  for (const DirtyRange& range : process_->queue->dirty_ranges())
    note("  dirty: " + range.ns.full() + ", " + range.reason + (range.first_copy ? ", first copy" : ""));
}

void SimWorld::violate(const std::string& what) {
  if (!result_.violation.empty()) return;
  result_.violation = what;
  note("VIOLATION: " + what);
}

// What the daemon does with an error that a thread of it ends with.
void SimWorld::took(const Result<void>& result) {
  if (result) return;
  note("  " + result.error().message);
  if (result.error().kind == ErrorKind::kIo) process_->failed = true;
  if (result.error().kind == ErrorKind::kCorruption || result.error().kind == ErrorKind::kInvalidArgument)
    violate("the queue says: " + result.error().message);
}

void SimWorld::start_process() {
  auto queue = SyncQueue::open(queue_options_);
  if (!queue) {
    if (!disk_full_) violate("the queue cannot be opened: " + queue.error().message);
    return;
  }
  process_ = std::make_unique<Process>();
  Process& p = *process_;
  p.queue = std::move(*queue);
  p.breaker = std::make_unique<CircuitBreaker>(clock_, 7);
  p.context = std::make_unique<PipelineContext>(
      PipelineContext{pipeline_, scope_, local_, backup_, *p.queue, *p.breaker, p.counters, clock_});
  p.capture = std::make_unique<Capture>(*p.context);
  p.ddl = std::make_unique<DdlApplier>(*p.context);
  p.full_sync = std::make_unique<FullSync>(*p.context);
  took(p.full_sync->job().load());
  for (std::size_t i = 0; i < pipeline_.lanes; ++i) p.lanes.push_back(std::make_unique<Lane>(*p.context, i));
  p.lane_busy.resize(pipeline_.lanes);
}

// In the middle of a call the process cannot be taken apart: from here on it reaches nobody, and it is removed when
// the call is over.
void SimWorld::kill(bool power_cut) {
  note(power_cut ? "power cut" : "kill");
  pending_kill_ = power_cut;
  env_.set_dead(true);
  local_link_.dead = backup_link_.dead = true;
}

void SimWorld::restart_if_dead() {
  const bool failed = process_ && process_->failed;
  if (!pending_kill_ && !failed && process_) return;
  if (process_) result_.applied += process_->queue->stats().done;
  process_.reset();
  backup_.forget_late();
  if (pending_kill_.value_or(false)) {
    const int keep = random_.between(0, 2);
    env_.power_cut([&](std::size_t n) { return keep == 0 ? 0 : keep == 1 ? n : random_.below(n + 1); });
  }
  pending_kill_.reset();
  env_.set_dead(false);
  local_link_.dead = backup_link_.dead = false;
  ++result_.restarts;
  start_process();
}

void SimWorld::meanwhile() {
  if (!process_ || pending_kill_ || depth_ >= kDeepest || !random_.chance(meanwhile_percent_)) return;
  ++depth_;
  small_act();
  --depth_;
}

void SimWorld::small_act() {
  const int choice = random_.between(0, 99);
  if (choice < 45) return write();
  if (choice < 65) return capture_step();
  if (choice < 80) return lane_step(random_.below(pipeline_.lanes));
  if (choice < 86) return ddl_step();
  if (choice < 92) return clock_.advance(std::chrono::milliseconds(random_.between(1, 3000)));
  if (choice < 95 && weights_.kill > 0) return kill(false);
  if (choice < 97 && weights_.power > 0) return kill(true);
  report();
}

void SimWorld::act() {
  const Weights& w = weights_;
  int choice = random_.between(0, w.write + w.capture + w.lane + w.ddl + w.full_sync + w.report + w.time + w.kill +
                                      w.power + w.roll_over + w.disk + w.late + w.outage + w.ask - 1);
  const auto is = [&](int weight) { return (choice -= weight) < 0; };
  if (is(w.write)) return write();
  if (is(w.capture)) return capture_step();
  if (is(w.lane)) return lane_step(random_.below(pipeline_.lanes));
  if (is(w.ddl)) return ddl_step();
  if (is(w.full_sync)) return full_sync_step();
  if (is(w.report)) return report();
  if (is(w.time)) return clock_.advance(std::chrono::milliseconds(random_.between(1, 20'000)));
  if (is(w.kill)) return kill(false);
  if (is(w.power)) return kill(true);
  if (is(w.roll_over)) {
    note("rollover");
    return local_.roll_over(random_.below(3));
  }
  if (is(w.disk)) {
    disk_full_ = !disk_full_;
    note(disk_full_ ? "disk full" : "disk has room");
    return env_.set_full(disk_full_);
  }
  if (is(w.ask)) return ask_for_full_sync();
  if (is(w.late)) {
    if (backup_.deliver_late()) note("late write arrives");
    return;
  }
  Link& link = random_.chance(70) ? backup_link_ : local_link_;
  link.down = !link.down;
  note(std::string(&link == &backup_link_ ? "backup" : "local") + (link.down ? " goes away" : " is back"));
}

void SimWorld::capture_step() {
  if (!process_ || process_->capture_busy || process_->failed) return;
  Process& p = *process_;
  p.capture_busy = true;
  note("capture");
  local_.batches_allowed = random_.between(1, 3);
  took(p.capture->step({}));
  note("capture at " + p.queue->position().time.to_string());
  note_queue();
  p.capture_busy = false;
}

void SimWorld::lane_step(std::size_t lane) {
  if (!process_ || process_->lane_busy[lane] || process_->failed) return;
  Process& p = *process_;
  const auto permit = p.breaker->try_acquire();
  if (!permit) return;
  p.lane_busy[lane] = true;
  note("lane " + std::to_string(lane));
  took(p.lanes[lane]->step(*permit, stopped()));
  note("lane " + std::to_string(lane) + " done: " + std::to_string(p.queue->stats().operations) + " left");
  note_queue();
  p.lane_busy[lane] = false;
}

void SimWorld::ddl_step() {
  if (!process_ || process_->ddl_busy || process_->failed) return;
  Process& p = *process_;
  p.ddl_busy = true;
  note("ddl");
  took(p.ddl->step(stopped()));
  p.ddl_busy = false;
}

void SimWorld::full_sync_step() {
  if (!process_ || process_->full_sync_busy || process_->failed) return;
  Process& p = *process_;
  p.full_sync_busy = true;
  note("full sync");
  const auto worked = p.full_sync->step({}, stopped());
  if (!worked) took(worked.error());
  note("full sync: " + std::to_string(p.queue->stats().dirty_ranges) + " dirty");
  p.full_sync_busy = false;
}

// As the daemon's tick does: the number, the sync, and only then the report.
void SimWorld::ask_for_full_sync() {
  if (!process_ || process_->failed) return;
  FullSync& full_sync = *process_->full_sync;
  if (full_sync.job().view().state == FullSyncStatus::State::kRunning) {
    note("full sync is cancelled");
    if (!full_sync.job().cancel()) note("  in vain");
    return;
  }
  note("full sync is asked for");
  if (auto started = full_sync.start({}); !started) note("  in vain: " + started.error().message);
}

void SimWorld::report() {
  if (!process_ || process_->failed || pending_kill_) return;
  const OpTime applied = process_->queue->applied_position();
  const auto synced = process_->queue->sync();
  took(synced);
  if (!synced) return;
  if (applied < reported_)
    note("applied position " + applied.to_string() + ", reported before: " + reported_.to_string());
  reported_ = std::max(reported_, applied);
  note("applied position " + reported_.to_string());
}

bool SimWorld::settled() {
  if (!process_) return false;
  const QueueStats stats = process_->queue->stats();
  return stats.operations == 0 && stats.dirty_ranges == 0 && process_->queue->position().time == local_.time();
}

void SimWorld::heal_and_settle() {
  note("everything heals");
  local_link_ = {&random_, false, false, 0, local_link_.meanwhile};
  backup_link_ = {&random_, false, false, 0, backup_link_.meanwhile};
  backup_.throttle_percent = 0;
  weights_.kill = weights_.power = 0;
  meanwhile_percent_ = 0;
  disk_full_ = false;
  env_.set_full(false);
  if (process_ && random_.chance(50)) kill(false);
  restart_if_dead();
  for (int round = 0; round < kRoundsMax && result_.violation.empty() && !settled(); ++round) {
    clock_.advance(std::chrono::seconds(5));
    capture_step();
    for (std::size_t lane = 0; lane < pipeline_.lanes; ++lane) lane_step(lane);
    ddl_step();
    full_sync_step();
    report();
    check_claims();
    restart_if_dead();
  }
  if (!result_.violation.empty()) return;
  if (!settled()) {
    const QueueStats stats = process_ ? process_->queue->stats() : QueueStats{};
    return violate("never quiet: " + std::to_string(stats.operations) + " operations and " +
                   std::to_string(stats.dirty_ranges) + " dirty ranges are left");
  }
  while (backup_.deliver_late()) note("late write arrives");
  report();
  check_claims();
  check_equal();
}

SimResult SimWorld::run() {
  for (int i = random_.between(0, kBacklogWrites); i > 0; --i) write();
  start_process();
  for (; result_.step < options_.steps && result_.violation.empty(); ++result_.step) {
    act();
    env_.run_jobs();
    restart_if_dead();
    check_claims();
  }
  if (result_.violation.empty()) heal_and_settle();
  if (process_) result_.applied += process_->queue->stats().done;
  return result_;
}

}  // namespace dualsync::sim
