// What the API may ask of the mirror.
#include <algorithm>

#include "dualsync/base/log.h"
#include "dualsync/base/mark.h"
#include "dualsync/base/time_text.h"
#include "dualsync/base/waiting.h"
#include "dualsync/codec/bson.h"
#include "dualsync/pipeline/mirror.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kFirstWaitPoll{5};
constexpr std::chrono::milliseconds kWaitPollMax{50};

}  // namespace

Result<std::vector<DeadLetter>> Mirror::dead_letters(std::size_t limit) const {
  auto letters = queue_.dead_letters(limit);
  if (!letters) return letters;
  for (DeadLetter& letter : *letters) {
    if (!letter.document_key.empty()) letter.key_json = to_json(letter.document_key);
  }
  return letters;
}

Result<void> Mirror::retry_dead_letter(SeqNo id) {
  DUALSYNC_TRY(queue_.retry_dead_letter(id));
  log::info("worker", "dead letter is tried again", {{"id", id}});
  return {};
}

Result<void> Mirror::discard_dead_letter(SeqNo id) {
  DUALSYNC_TRY(queue_.discard_dead_letter(id));
  log::warn("worker", "dead letter discarded; the backup stays without that change", {{"id", id}});
  return {};
}

Result<FullSyncStatus> Mirror::start_full_sync(const FullSyncRequest& request) {
  if (!breaker_.closed()) {
    return Error{ErrorKind::kConnectivity, "the backup is offline: " + breaker_.view().cause,
                 "ask again when it answers; what it missed meanwhile is sent then anyway", 0};
  }
  if (pause_.active()) {
    return Error{ErrorKind::kConflict, "applying is paused, and a full sync would only wait",
                 "`dualsync resume` ends the pause", 0};
  }
  return full_sync_.start(request);
}

Result<VerifyStatus> Mirror::start_verify(const VerifyOrder& order) {
  if (provers_.verify != nullptr) return provers_.verify->start(order);
  return Error{ErrorKind::kUnsupported, "nothing compares here", "", 0};
}

VerifyStatus Mirror::verify() const { return provers_.verify != nullptr ? provers_.verify->view() : VerifyStatus(); }

Result<DrillStatus> Mirror::start_drill(const DrillOrder& order) {
  if (provers_.drills != nullptr) return provers_.drills->start(order);
  return Error{ErrorKind::kUnsupported, "nothing drills here", "", 0};
}

DrillStatus Mirror::drill() const { return provers_.drills != nullptr ? provers_.drills->view() : DrillStatus(); }

DayReport Mirror::report() const {
  const Status now = status();
  return provers_.history != nullptr ? provers_.history->report(now, clock_.unix_ms())
                                     : day_report({}, now, clock_.unix_ms());
}

Result<Status> Mirror::pause() {
  const auto changed = pause_.begin();
  if (!changed) return changed.error();
  if (*changed) log::warn("worker", "applying is paused; capture goes on, and nothing is lost");
  return status();
}

Result<Status> Mirror::resume() {
  const auto changed = pause_.end();
  if (!changed) return changed.error();
  if (*changed) log::info("worker", "applying goes on");
  return status();
}

Result<HeldDecision> Mirror::decide_held(const Namespace& ns, bool release) {
  const auto documents = delete_guard_.decide(ns, release);
  if (!documents) return documents.error();
  return HeldDecision{ns, release, *documents};
}

Result<ReportOutcome> Mirror::report_changes(const ReportedChanges& changes) {
  const OpTime now = queue_.position().time;
  if (now.is_null()) {
    return Error{ErrorKind::kConnectivity, "local has not been reached since the start, so nothing can be placed yet",
                 "send it again in a moment", 0};
  }
  const bool stream = capture_.view().state == CaptureState::kStreaming;
  AppendBatch batch;
  ReportOutcome outcome;
  for (const ReportedChanges::Document& document : changes.documents) {
    if (!scope_.contains(document.ns)) {
      ++outcome.ignored;
      continue;
    }
    OperationView op;
    op.kind = OpKind::kTouch;
    op.db = document.ns.db;
    op.collection = document.ns.collection;
    op.document_key = document.document_key;
    op.flags = stream ? std::uint16_t{0} : kFlagReported;
    op.first_time = op.last_time = now;
    op.enqueued_ms = clock_.unix_ms();
    batch.operations.push_back(op);
    ++outcome.accepted;
  }
  for (const Namespace& ns : changes.ranges) {
    const bool ours = ns.collection.empty() ? scope_.contains_database(ns.db) : scope_.contains(ns);
    ++(ours ? outcome.ranges : outcome.ignored);
    if (ours) batch.dirty.push_back({ns, "reported by middleware", {}, false, ""});
  }
  outcome.durable = context_.options.durable;
  if (outcome.accepted + outcome.ranges == 0) return outcome;
  DUALSYNC_TRY(queue_.append(batch));
  // No oplog stands behind these: whoever hears "accepted" may forget them.
  DUALSYNC_MARK("reported-stored");
  if (outcome.durable) DUALSYNC_TRY(queue_.sync());
  return outcome;
}

std::uint64_t Mirror::held_documents_count() const {
  std::uint64_t sum = 0;
  for (const WithheldNamespace& one : queue_.withheld()) sum += one.held;
  return sum;
}

std::string Mirror::blocked_by(const Status& status) const {
  if (status.local == LocalTrust::kWrong) return status.local_cause;
  if (const auto trouble = queue_.trouble()) return "the queue cannot be written: " + trouble->message;
  if (status.writer == WriterState::kWatching) return status.writer_cause;
  if (status.paused_since_ms) return "applying is paused; `dualsync resume` ends that";
  if (status.breaker != BreakerState::kClosed) return "the backup is offline: " + status.breaker_cause;
  if (!is_reading(status.capture)) return "local's changes are not being read: " + status.capture_cause;
  if (status.dirty_ranges > 0) {
    const std::string count = human_count(status.dirty_ranges) + " namespaces are still being copied or repaired";
    if (status.refused_repairs.empty()) return count + ", now " + status.copy.current;
    return count + "; " + status.refused_repairs.front().ns.full() +
           " cannot be: " + status.refused_repairs.front().cause;
  }
  return human_count(status.queue_size) + " operations are still waiting";
}

Result<WaitOutcome> Mirror::wait(std::chrono::milliseconds timeout) {
  const SteadyTime deadline = clock_.now() + timeout;
  auto target = local_.make_reader()->cluster_time();
  if (!target) return target.error().in("local");
  WaitOutcome outcome;
  outcome.target = *target;
  auto poll = kFirstWaitPoll;
  const auto stop = stop_all_.get_token();
  for (;;) {
    outcome.applied = queue_.applied_position();
    if (!outcome.applied.is_null() && outcome.applied >= outcome.target) {
      const auto synced = queue_.sync();
      if (synced) {
        MutexLock lock(mutex_);
        synced_applied_ = std::max(synced_applied_, outcome.applied);
        outcome.dead_letters = queue_.stats().dead_letters;
        outcome.held_deletes = held_documents_count();
        outcome.kind =
            outcome.dead_letters + outcome.held_deletes > 0 ? WaitOutcome::Kind::kExceptions : WaitOutcome::Kind::kDone;
        return outcome;
      }
      if (synced.error().kind != ErrorKind::kIo) return synced.error();
    }
    if (const auto failed = failure()) return *failed;
    if (stop_waits_.stop_requested()) return Error{ErrorKind::kStopped, "dualsync is stopping", "", 0};
    if (clock_.now() >= deadline) {
      outcome.kind = WaitOutcome::Kind::kTimedOut;
      outcome.blocked_by = blocked_by(status());
      return outcome;
    }
    sleep_for(poll, stop);
    poll = std::min(poll * 2, kWaitPollMax);
  }
}

}  // namespace dualsync
