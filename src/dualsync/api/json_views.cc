#include "dualsync/api/json_views.h"

#include "dualsync/base/redact.h"
#include "dualsync/base/time_text.h"
#include "dualsync/json/value_json.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

Json time_json(const std::optional<std::int64_t>& unix_ms) { return unix_ms ? Json(iso8601(*unix_ms)) : Json(nullptr); }

Json reasons_json(const std::vector<Reason>& reasons) {
  Json list = Json::array();
  for (const Reason& reason : reasons) {
    list.push_back({{"code", reason.code}, {"message", redact(reason.message)}, {"hint", redact(reason.hint)}});
  }
  return list;
}

}  // namespace

Json metrics_json(const Status& status) {
  Json body;
  body["totalOperations"] = status.total_operations;
  body["successfulSyncs"] = status.successful_syncs;
  body["failedSyncs"] = status.failed_syncs;
  body["queueSize"] = status.queue_size;
  body["avgSyncTime"] = status.avg_sync_ms;
  body["lastSyncTimestamp"] = time_json(status.last_sync_ms);
  body["rpoSeconds"] = status.rpo_seconds;
  body["queueBytes"] = status.queue_bytes;
  body["coalescedOperations"] = status.coalesced_operations;
  body["conflicts"] = status.conflicts;
  body["deadLetters"] = status.dead_letters;
  body["heldDeletes"] = status.held_deletes;
  body["dirtyRanges"] = status.dirty_ranges;
  body["breaker"] = to_string(status.breaker);
  body["capturePosition"] = op_time_json(status.capture_position);
  body["appliedPosition"] = op_time_json(status.applied_position);
  body["verifiedUntil"] = op_time_json(status.verified_until);
  body["lastProvenRestore"] = time_json(status.last_proven_restore_ms);
  body["oplogWindowSeconds"] = status.oplog_window_seconds ? Json(*status.oplog_window_seconds) : Json(nullptr);
  body["bytesSent"] = status.bytes_sent;
  body["bytesSavedByCoalescing"] = status.bytes_saved;
  body["owedIndexes"] = status.owed_indexes;
  body["queueOverflows"] = {{"payloadsDropped", status.payloads_dropped}, {"rangesDropped", status.ranges_dropped}};
  body["gaps"] = status.gaps;
  body["malformedEvents"] = status.malformed_events;
  return body;
}

Json health_json(const Status& status) {
  Json body;
  body["status"] = to_string(status.verdict);
  body["reasons"] = reasons_json(status.reasons);
  body["rpoSeconds"] = status.rpo_seconds;
  return body;
}

Json status_json(const Status& status) {
  Json body;
  body["status"] = to_string(status.verdict);
  body["enabled"] = status.enabled;
  body["paused"] = status.paused_since_ms.has_value();
  body["pausedSince"] = time_json(status.paused_since_ms);
  body["uptimeSeconds"] = status.uptime_seconds;
  body["reasons"] = reasons_json(status.reasons);
  body["capture"] = {{"state", to_string(status.capture)}, {"cause", redact(status.capture_cause)}};
  body["local"] = {{"identity", to_string(status.local)}, {"cause", redact(status.local_cause)}};
  body["writer"] = {{"state", to_string(status.writer)}, {"cause", redact(status.writer_cause)}};
  body["backup"] = {{"breaker", to_string(status.breaker)},
                    {"breakerSeconds", status.breaker_seconds},
                    {"cause", redact(status.breaker_cause)}};
  body["copy"] = {{"running", status.copy.running},
                  {"namespacesTotal", status.copy.namespaces_total},
                  {"namespacesDone", status.copy.namespaces_done},
                  {"documentsTotal", status.copy.documents_total},
                  {"documentsDone", status.copy.documents_done},
                  {"current", status.copy.current}};
  body["lanes"] = Json::array();
  for (const LaneStatus& lane : status.lanes) {
    body["lanes"].push_back({{"inFlight", lane.in_flight},
                             {"batchSize", lane.batch_size},
                             {"batches", lane.batches},
                             {"lastBatchMs", lane.last_batch_ms}});
  }
  body["canary"] = {{"state", to_string(status.canary.state)},
                    {"lastArrival", time_json(status.canary.last_arrival_ms)},
                    {"roundTripMs", status.canary.last_arrival_ms ? Json(status.canary.round_trip_ms) : Json(nullptr)},
                    {"waitingSeconds", status.canary.waiting_seconds},
                    {"cause", redact(status.canary.cause)}};
  body["reconcile"] = {{"on", status.reconcile.on},
                       {"running", status.reconcile.running},
                       {"intervalSeconds", status.reconcile.interval_seconds},
                       {"last", time_json(status.reconcile.last_ms)},
                       {"repaired", status.reconcile.repaired}};
  body["held"] = held_json(status.held);
  body["timeSeries"] = Json::array();
  for (const TimeSeriesStatus& one : status.time_series) {
    body["timeSeries"].push_back(
        {{"namespace", one.ns.full()}, {"mirrored", time_json(one.mirrored_ms)}, {"measurements", one.measurements}});
  }
  body["metrics"] = metrics_json(status);
  return body;
}

Json pause_json(const Status& status) {
  return {{"paused", status.paused_since_ms.has_value()},
          {"since", time_json(status.paused_since_ms)},
          {"queueSize", status.queue_size}};
}

Json wait_json(const WaitOutcome& outcome) {
  Json body;
  body["done"] = outcome.kind != WaitOutcome::Kind::kTimedOut;
  body["exceptions"] = outcome.dead_letters + outcome.held_deletes;
  body["deadLetters"] = outcome.dead_letters;
  body["heldDeletes"] = outcome.held_deletes;
  body["target"] = op_time_json(outcome.target);
  body["applied"] = op_time_json(outcome.applied);
  body["blockedBy"] = redact(outcome.blocked_by);
  return body;
}

Json dead_letters_json(const std::vector<DeadLetter>& letters, std::uint64_t total) {
  Json body;
  body["total"] = total;
  body["deadLetters"] = Json::array();
  for (const DeadLetter& letter : letters) {
    Json one;
    one["id"] = letter.seq;
    one["namespace"] = letter.ns.full();
    Json key = Json::parse(letter.key_json, nullptr, false);  // false: no exceptions, but a marked value
    one["documentKey"] = key.is_discarded() ? Json(nullptr) : std::move(key);
    one["type"] = to_string(letter.kind);
    one["reason"] = redact(letter.reason);
    one["code"] = letter.code;
    one["attempts"] = letter.attempts;
    one["first"] = iso8601(letter.first_ms);
    one["last"] = iso8601(letter.last_ms);
    body["deadLetters"].push_back(std::move(one));
  }
  return body;
}

int health_http_status(Verdict verdict) { return verdict == Verdict::kUnhealthy ? 503 : 200; }

}  // namespace dualsync
