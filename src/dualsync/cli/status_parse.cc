#include "dualsync/cli/status_parse.h"

#include <array>
#include <string>

#include "dualsync/base/time_text.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

template <typename Enum, std::size_t N>
Enum by_name(const std::string& name, const std::array<Enum, N>& all) {
  for (const Enum one : all) {
    if (to_string(one) == name) return one;
  }
  throw Json::other_error::create(501, "unknown word: " + name, nullptr);
}

// Throws nlohmann's exceptions; parse_status() is the only caller.
TimeSeriesStatus read_time_series(const Json& entry) {
  TimeSeriesStatus one;
  one.ns = Namespace::parse(entry.at("namespace").get<std::string>());
  if (entry.at("mirrored").is_string()) one.mirrored_ms = parse_iso8601(entry.at("mirrored").get<std::string>());
  entry.at("measurements").get_to(one.measurements);
  return one;
}

Status read_status(const Json& body) {
  using C = CaptureState;
  Status status;
  status.verdict = by_name(body.at("status").get<std::string>(),
                           std::array{Verdict::kHealthy, Verdict::kDegraded, Verdict::kUnhealthy});
  body.at("enabled").get_to(status.enabled);
  if (body.at("pausedSince").is_string())
    status.paused_since_ms = parse_iso8601(body.at("pausedSince").get<std::string>());
  body.at("uptimeSeconds").get_to(status.uptime_seconds);
  for (const Json& reason : body.at("reasons")) {
    status.reasons.push_back({reason.at("code").get<std::string>(), reason.at("message").get<std::string>(),
                              reason.at("hint").get<std::string>()});
  }
  const Json& capture = body.at("capture");
  status.capture = by_name(capture.at("state").get<std::string>(),
                           std::array{C::kDisabled, C::kConnecting, C::kStreaming, C::kStandalone, C::kFailed});
  capture.at("cause").get_to(status.capture_cause);
  const Json& backup = body.at("backup");
  status.breaker = by_name(backup.at("breaker").get<std::string>(),
                           std::array{BreakerState::kClosed, BreakerState::kOpen, BreakerState::kHalfOpen});
  backup.at("breakerSeconds").get_to(status.breaker_seconds);
  backup.at("cause").get_to(status.breaker_cause);
  const Json& copy = body.at("copy");
  copy.at("running").get_to(status.copy.running);
  copy.at("namespacesTotal").get_to(status.copy.namespaces_total);
  copy.at("namespacesDone").get_to(status.copy.namespaces_done);
  copy.at("documentsTotal").get_to(status.copy.documents_total);
  copy.at("documentsDone").get_to(status.copy.documents_done);
  copy.at("current").get_to(status.copy.current);
  using A = CanaryStatus::State;
  const Json& canary = body.at("canary");
  status.canary.state = by_name(canary.at("state").get<std::string>(),
                                std::array{A::kOff, A::kRefused, A::kArrived, A::kWaiting, A::kMissing});
  canary.at("cause").get_to(status.canary.cause);
  if (canary.at("lastArrival").is_string()) {
    status.canary.last_arrival_ms = parse_iso8601(canary.at("lastArrival").get<std::string>());
    canary.at("roundTripMs").get_to(status.canary.round_trip_ms);
  }
  canary.at("waitingSeconds").get_to(status.canary.waiting_seconds);
  const Json& reconcile = body.at("reconcile");
  reconcile.at("on").get_to(status.reconcile.on);
  reconcile.at("running").get_to(status.reconcile.running);
  reconcile.at("intervalSeconds").get_to(status.reconcile.interval_seconds);
  if (reconcile.at("last").is_string())
    status.reconcile.last_ms = parse_iso8601(reconcile.at("last").get<std::string>());
  reconcile.at("repaired").get_to(status.reconcile.repaired);
  for (const Json& entry : body.at("timeSeries")) status.time_series.push_back(read_time_series(entry));
  const Json& metrics = body.at("metrics");
  metrics.at("totalOperations").get_to(status.total_operations);
  metrics.at("successfulSyncs").get_to(status.successful_syncs);
  metrics.at("failedSyncs").get_to(status.failed_syncs);
  metrics.at("queueSize").get_to(status.queue_size);
  metrics.at("queueBytes").get_to(status.queue_bytes);
  metrics.at("avgSyncTime").get_to(status.avg_sync_ms);
  metrics.at("rpoSeconds").get_to(status.rpo_seconds);
  metrics.at("conflicts").get_to(status.conflicts);
  metrics.at("deadLetters").get_to(status.dead_letters);
  metrics.at("heldDeletes").get_to(status.held_deletes);
  metrics.at("dirtyRanges").get_to(status.dirty_ranges);
  metrics.at("owedIndexes").get_to(status.owed_indexes);
  status.capture_position = parse_op_time(metrics.at("capturePosition"));
  status.applied_position = parse_op_time(metrics.at("appliedPosition"));
  if (metrics.at("lastProvenRestore").is_string())
    status.last_proven_restore_ms = parse_iso8601(metrics.at("lastProvenRestore").get<std::string>());
  status.verified_until = parse_op_time(metrics.at("verifiedUntil"));
  return status;
}

}  // namespace

OpTime parse_op_time(const Json& value) {
  if (!value.is_object()) return {};
  return {value.value("t", std::uint32_t{0}), value.value("i", std::uint32_t{0})};
}

Result<Status> parse_status(const Json& body) {
  try {
    return read_status(body);
  } catch (const Json::exception& error) {
    return Error{ErrorKind::kInvalidArgument, std::string("the daemon's status is not understood: ") + error.what(),
                 "the daemon and this command must be of the same version", 0};
  }
}

}  // namespace dualsync
