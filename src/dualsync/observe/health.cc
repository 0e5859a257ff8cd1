#include "dualsync/observe/health.h"

#include <algorithm>

#include "dualsync/base/time_text.h"

namespace dualsync {
namespace {

// A live stream answers at least once a second; half a minute without is a dead connection that nobody noticed.
constexpr std::int64_t kCaptureSilentMax = 30;
constexpr std::int64_t kLagOfNoMatter = 60;
constexpr std::size_t kOwedNamed = 3;

class Judge {
 public:
  explicit Judge(Status* status) : status_(*status) {}

  void say(Verdict verdict, std::string code, std::string message, std::string hint) {
    status_.verdict = std::max(status_.verdict, verdict);
    status_.reasons.push_back({std::move(code), std::move(message), std::move(hint)});
  }

  // True if there is nothing more to say of local.
  bool identity() {
    switch (status_.writer) {
      case WriterState::kLost: say(Verdict::kUnhealthy, "lease-lost", status_.writer_cause, "see the log"); break;
      case WriterState::kRefused: say(Verdict::kUnhealthy, "backup-owned", status_.writer_cause, "see the log"); break;
      case WriterState::kWatching:
        say(Verdict::kDegraded, "lease-watched", status_.writer_cause,
            "nothing is lost; if that one does not move, this one takes over by itself");
        break;
      case WriterState::kSeeking:
      case WriterState::kOwner: break;
    }
    if (status_.local != LocalTrust::kWrong) return false;
    say(Verdict::kUnhealthy, "wrong-local", status_.local_cause + ". Nothing is written to the backup",
        "bring the right local back and the mirror goes on by itself, or restore this one from the backup; if this "
        "local "
        "is right, stop dualsync, run `dualsync adopt-local` and start it again");
    return true;
  }

  void capture(const HealthInput& input) {
    switch (status_.capture) {
      case CaptureState::kDisabled:
        return say(Verdict::kDegraded, "disabled", "the mirror is switched off",
                   "set SYNC_ENABLED=true and start again");
      case CaptureState::kStandalone:
        if (input.capture_silent_seconds > kCaptureSilentMax) break;
        return say(Verdict::kDegraded, "standalone",
                   "local is a standalone server: what no middleware reports reaches the backup only by comparing" +
                       (status_.reconcile.on ? ", every " + human_duration(status_.reconcile.interval_seconds)
                                             : std::string(", and SYNC_RECONCILE_INTERVAL=0 switches that off")),
                   "convert it to a one-node replica set: start mongod with --replSet rs0, then run rs.initiate() "
                   "once; `dualsync doctor` prints the steps");
      case CaptureState::kFailed:
        return say(Verdict::kUnhealthy, "capture-failed", "capture stopped: " + status_.capture_cause,
                   "see the log; dualsync has to be started again");
      case CaptureState::kConnecting:
        return say(Verdict::kDegraded, "local-unreachable",
                   status_.capture_cause.empty() ? "waiting for local" : "waiting for local: " + status_.capture_cause,
                   "start the local MongoDB; capture goes on where it was");
      case CaptureState::kStreaming:
        if (input.capture_silent_seconds <= kCaptureSilentMax) return;
        break;
    }
    say(Verdict::kUnhealthy, "capture-stuck",
        "local has been silent for " + human_duration(input.capture_silent_seconds),
        "check the local server and its connections");
  }

  void queue(const HealthInput& input) {
    const std::string safe = status_.oplog_window_seconds
                                 ? "local's oplog reaches back " + human_duration(*status_.oplog_window_seconds) +
                                       ": for so long nothing is "
                                       "lost, after that everything is compared"
                                 : "local's oplog keeps the changes meanwhile";
    say(Verdict::kUnhealthy, "queue-broken", "the queue cannot be written: " + input.queue_trouble + "; " + safe,
        "make room on the disk of SYNC_DATA_DIR, or repair it: it goes on by itself");
  }

  void breaker() {
    if (status_.breaker == BreakerState::kClosed) return;
    say(Verdict::kDegraded, "breaker-open",
        "backup offline for " + human_duration(status_.breaker_seconds) + ", " + human_count(status_.queue_size) +
            " documents, " + human_bytes(status_.queue_bytes) + " waiting: " + status_.breaker_cause,
        "nothing is lost; it goes on by itself when the backup can be reached again");
  }

  void pause(const HealthInput& input) {
    if (!status_.paused_since_ms) return;
    const std::int64_t seconds = std::max<std::int64_t>(0, input.now_ms - *status_.paused_since_ms) / 1000;
    say(Verdict::kDegraded, "paused",
        "applying has been paused for " + human_duration(seconds) + ", " + human_count(status_.queue_size) +
            " operations waiting; capture goes on",
        "`dualsync resume` ends the pause");
  }

  void storage() {
    if (status_.disk_low) {
      say(Verdict::kDegraded, "disk-low", "less than SYNC_DISK_RESERVE_BYTES is free on the disk of SYNC_DATA_DIR",
          "free some space; until then documents are read again later instead of kept");
    } else if (status_.over_bounds) {
      say(Verdict::kDegraded, "queue-overflow",
          "the queue is over SYNC_QUEUE_MAX_BYTES: " + human_count(status_.payloads_dropped) +
              " operations without content, " + human_count(status_.ranges_dropped) + " namespaces dropped so far",
          "nothing is lost: what was dropped is read again; bring the backup back or raise the bound");
    }
    if (!status_.data_dir_trouble.empty()) {
      say(Verdict::kDegraded, "data-dir-fallback", "SYNC_DATA_DIR_FALLBACK is in use: " + status_.data_dir_trouble,
          "make SYNC_DATA_DIR writable and start dualsync again");
    }
  }

  void exceptions() {
    if (status_.dead_letters > 0) {
      say(Verdict::kDegraded, "dead-letters",
          human_count(status_.dead_letters) + " operations were refused by the backup for good",
          "`dualsync dead-letters list` names each document and reason");
    }
    for (const HeldDeletes& one : status_.held) {
      if (!one.held && one.documents == 0) continue;
      const std::string name = one.ns.full();
      say(Verdict::kDegraded, "held-deletes",
          "mass-delete guard: " + human_count(one.deletes) + " of the " + human_count(one.of) + " documents of " +
              name + " were deleted at once; the backup keeps " + human_count(one.documents) + " until you decide",
          "`dualsync release " + name + "` deletes them on the backup too, `dualsync discard " + name +
              "` keeps them there; docs/guard.md says more");
    }
    if (status_.copy.running && status_.applied_position.is_null()) {
      say(Verdict::kDegraded, "first-copy", "the first copy is running; the backup is not complete yet",
          "wait for it to end");
    } else if (status_.dirty_ranges > 0) {
      say(Verdict::kDegraded, "dirty-ranges",
          human_count(status_.dirty_ranges) + " namespaces are being compared and repaired", "wait for it to end");
    }
    refused_repairs();
    if (status_.owed_indexes > 0) {
      say(Verdict::kDegraded, "owed-indexes",
          human_count(status_.owed_indexes) + " indexes could not be built on the backup yet" + owed_words(),
          "they are tried again until they stand; restoring without them is possible, but what they keep unique is not "
          "kept so on the backup");
    }
  }

  void refused_repairs() {
    if (status_.refused_repairs.empty()) return;
    const RefusedRepair& first = status_.refused_repairs.front();
    const std::size_t others = status_.refused_repairs.size() - 1;
    say(Verdict::kDegraded, "repair-refused",
        first.ns.full() + (others > 0 ? " and " + human_count(others) + " more" : "") +
            " cannot be copied or repaired: " + first.cause,
        "it is tried again every minute; end what the message complains of");
  }

  std::string owed_words() const {
    std::string words;
    for (std::size_t i = 0; i < std::min(status_.owed.size(), kOwedNamed); ++i) {
      const OwedIndex& one = status_.owed[i];
      words += (i == 0 ? ": " : "; ") + one.name + " of " + one.ns.full();
      if (!one.reason.empty()) words += " (" + one.reason + ")";
    }
    if (status_.owed.size() > kOwedNamed) words += "; and " + human_count(status_.owed.size() - kOwedNamed) + " more";
    return words;
  }

  void drill(const HealthInput& input) {
    if (input.drill_failure.empty()) return;
    say(Verdict::kDegraded, "drill-failed", "the last drill could not prove the backup: " + input.drill_failure,
        "`dualsync drill` tries again and names all of it, docs/restore.md what each means; meanwhile "
        "`dualsync verify` says what differs from local");
  }

  void verify(const HealthInput& input) {
    if (input.verify_findings.empty()) return;
    say(Verdict::kDegraded, "verify-differences", "the backup differs from local: " + input.verify_findings,
        "the next comparison of SYNC_VERIFY_INTERVAL repairs documents, indexes, options and views; `dualsync "
        "full-sync` "
        "does so at once, and also removes collections that only the backup has");
  }

  // Something that is known keeps the backup behind.
  bool explained() const {
    return status_.breaker != BreakerState::kClosed || status_.paused_since_ms || status_.local == LocalTrust::kWrong ||
           status_.writer == WriterState::kWatching || !is_reading(status_.capture) || status_.dirty_ranges > 0;
  }

  void backlog(const HealthInput& input) {
    if (input.growing_seconds == 0 || explained()) return;
    say(Verdict::kDegraded, "backlog-growing",
        "the queue has been growing for " + human_duration(input.growing_seconds) + ": " +
            human_count(status_.queue_size) + " operations, " + human_bytes(status_.queue_bytes) + " waiting",
        "the application writes faster than the backup or the link takes; nothing is lost. If it lasts: a larger tier, "
        "more SYNC_LANES, a faster line");
  }

  // Late although nothing that is known holds it up.
  void canary() {
    const CanaryStatus& canary = status_.canary;
    if (canary.state == CanaryStatus::State::kMissing) {
      return say(Verdict::kDegraded, "canary-missing",
                 "the backup acknowledged a test write of ours (dualsync.canary) and does not have it",
                 "did somebody write to the backup, or bring back an older copy of it? `dualsync verify` says what "
                 "differs");
    }
    if (canary.state != CanaryStatus::State::kWaiting || canary.waiting_seconds <= canary.late_seconds || explained())
      return;
    const std::string late = "a test write to local has been on its way to the backup for " +
                             human_duration(canary.waiting_seconds) + "; " + human_count(status_.queue_size) +
                             " operations are waiting";
    if (canary.idle_seconds <= canary.late_seconds) {
      return say(Verdict::kDegraded, "canary-late", late + " and the backup takes them",
                 "the backup or the link is slower than the application writes; `dualsync status --watch` shows "
                 "whether it catches up");
    }
    say(Verdict::kUnhealthy, "stuck", late + ", and nothing was acknowledged meanwhile although both servers answer",
        "see the log; start dualsync again (nothing is lost by it), and report this");
  }

  // Both while local is away and while the stream is read more slowly than local writes.
  void window(const HealthInput& input) {
    const bool follows = status_.capture == CaptureState::kConnecting || status_.capture == CaptureState::kStreaming;
    if (!status_.oplog_window_seconds || !follows || status_.capture_position.is_null()) return;
    const std::int64_t lag = input.now_ms / 1000 - static_cast<std::int64_t>(status_.capture_position.t);
    // A server that was just set up reaches back moments, and an idle stream tells its time every ten seconds.
    if (lag <= kLagOfNoMatter || *status_.oplog_window_seconds >= 2 * lag) return;
    say(Verdict::kDegraded, "oplog-window",
        "the oplog reaches back " + human_duration(*status_.oplog_window_seconds) + " and capture is " +
            human_duration(lag) + " behind",
        "make the oplog larger (replSetResizeOplog), or bring local back soon");
  }

 private:
  Status& status_;
};

}  // namespace

void derive_health(const HealthInput& input, Status* status) {
  status->verdict = Verdict::kHealthy;
  status->reasons.clear();
  Judge judge(status);
  if (!input.failure.empty()) {
    judge.say(Verdict::kUnhealthy, "failed", "the mirror has ended: " + input.failure, "see the log");
  }
  if (!input.queue_trouble.empty()) judge.queue(input);
  if (!judge.identity() && input.queue_trouble.empty()) judge.capture(input);
  if (status->capture == CaptureState::kDisabled) return;
  judge.pause(input);
  judge.breaker();
  judge.storage();
  judge.exceptions();
  judge.drill(input);
  judge.verify(input);
  judge.canary();
  judge.backlog(input);
  judge.window(input);
}

}  // namespace dualsync
