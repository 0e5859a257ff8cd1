#include "dualsync/cli/render_status.h"

#include <fmt/format.h>

#include <cmath>

#include "dualsync/base/time_text.h"

namespace dualsync {
namespace {

std::string line(std::string_view label, std::string_view text) { return fmt::format("  {:<14} {}\n", label, text); }

std::string documents(std::uint64_t count) { return human_count(count) + (count == 1 ? " document" : " documents"); }

std::string with_cause(std::string text, const std::string& cause) {
  return cause.empty() ? text : fmt::format("{}: {}", text, printable(cause));
}

std::string headline(const Status& status, const Style& style) {
  if (!status.enabled)
    return style(Paint::kWarning, "OFF") + "  the mirror is switched off; SYNC_ENABLED=true switches it on\n";
  std::string verdict;
  switch (status.verdict) {
    case Verdict::kHealthy: verdict = style(Paint::kGood, "HEALTHY"); break;
    case Verdict::kDegraded: verdict = style(Paint::kWarning, "DEGRADED"); break;
    case Verdict::kUnhealthy: verdict = style(Paint::kBad, "UNHEALTHY"); break;
  }
  const std::int64_t rpo = std::llround(std::ceil(status.rpo_seconds));
  const std::string meaning =
      rpo == 0 ? "every write seen so far is on the backup" : "a disaster now would lose this much";
  return fmt::format("{}  RPO {}  {}\n", verdict, human_duration(rpo), style(Paint::kFaint, "(" + meaning + ")"));
}

std::string capture_text(const Status& status) {
  switch (status.capture) {
    case CaptureState::kDisabled: return "off";
    case CaptureState::kConnecting: return with_cause("connecting to local", status.capture_cause);
    case CaptureState::kStreaming:
      return fmt::format("streaming, has read up to {}", utc_text(status.capture_position));
    case CaptureState::kStandalone: return "local is a standalone server: middleware, and what comparing finds";
    case CaptureState::kFailed: return with_cause("failed", status.capture_cause);
  }
  return "unknown";
}

std::string backup_text(const Status& status, const Style& style) {
  switch (status.breaker) {
    case BreakerState::kClosed: return status.enabled ? "reachable" : "not used";
    case BreakerState::kHalfOpen:
      return with_cause(fmt::format("trying again after {} offline", human_duration(status.breaker_seconds)),
                        status.breaker_cause);
    case BreakerState::kOpen: break;
  }
  const std::string text = fmt::format("offline for {}, {}, {} waiting", human_duration(status.breaker_seconds),
                                       documents(status.queue_size), human_bytes(status.queue_bytes));
  return with_cause(style(Paint::kWarning, text), status.breaker_cause);
}

std::string copy_text(const Status& status) {
  const CopyStatus& copy = status.copy;
  if (!copy.running) return status.applied_position.is_null() ? "not finished yet" : "finished";
  std::string text = fmt::format("{} of {} collections, {} of about {}", human_count(copy.namespaces_done),
                                 human_count(copy.namespaces_total), human_count(copy.documents_done),
                                 documents(copy.documents_total));
  if (copy.documents_total > 0) {
    const double share = static_cast<double>(copy.documents_done) / static_cast<double>(copy.documents_total);
    text += fmt::format(" ({:.0f} %)", 100 * std::min(share, 1.0));  // the total is an estimate
  }
  return copy.current.empty() ? text : fmt::format("{}, now {}", text, printable(copy.current));
}

std::string reconcile_text(const ReconcileStatus& reconcile) {
  if (!reconcile.last_ms) return reconcile.running ? "running for the first time" : "not yet";
  return fmt::format("the last one ended at {} and repaired {}{}",
                     utc_text({static_cast<std::uint32_t>(*reconcile.last_ms / 1000), 0}),
                     human_count(reconcile.repaired), reconcile.running ? "; one is running" : "");
}

std::string canary_text(const CanaryStatus& canary, const Style& style) {
  const std::string last =
      canary.last_arrival_ms
          ? fmt::format("came through at {} in {} ms",
                        utc_text({static_cast<std::uint32_t>(*canary.last_arrival_ms / 1000), 0}), canary.round_trip_ms)
          : std::string("none came through yet");
  switch (canary.state) {
    case CanaryStatus::State::kOff: return "off";
    case CanaryStatus::State::kRefused: return with_cause("off, local refuses it", canary.cause);
    case CanaryStatus::State::kArrived: return last;
    case CanaryStatus::State::kWaiting:
      return fmt::format("on its way for {}; the last {}", human_duration(canary.waiting_seconds), last);
    case CanaryStatus::State::kMissing: return style(Paint::kWarning, "acknowledged, but not on the backup");
  }
  return "unknown";
}

std::string time_series_text(const TimeSeriesStatus& series) {
  const std::string name = printable(series.ns.full());
  if (!series.mirrored_ms) return name + ", a time series: not mirrored yet";
  return fmt::format("{}, a time series: {} measurements, mirrored at {}", name, human_count(series.measurements),
                     utc_text({static_cast<std::uint32_t>(*series.mirrored_ms / 1000), 0}));
}

std::string counted(std::uint64_t count, const Style& style, std::string_view meaning) {
  if (count == 0) return "0";
  return fmt::format("{}  {}", style(Paint::kWarning, human_count(count)), meaning);
}

}  // namespace

std::string utc_text(OpTime time) {
  if (time.is_null()) return "none yet";
  std::string text = iso8601(static_cast<std::int64_t>(time.t) * 1000);  // 2026-11-22T18:30:00.000Z
  text.replace(text.find('T'), 1, " ");
  return text.substr(0, text.find('.')) + " UTC";
}

std::string render_status(const Status& status, const Style& style) {
  std::string text = headline(status, style);
  text += line("capture", capture_text(status));
  text += line("backup", backup_text(status, style));
  if (status.paused_since_ms) {
    text += line("applying",
                 style(Paint::kWarning,
                       "paused since " + utc_text({static_cast<std::uint32_t>(*status.paused_since_ms / 1000), 0})));
  }
  text += line("queue", fmt::format("{} operations, {}; {} synced since the start", human_count(status.queue_size),
                                    human_bytes(status.queue_bytes), human_count(status.successful_syncs)));
  text += line("first copy", copy_text(status));
  text += line("applied", status.applied_position.is_null() ? std::string("none yet: the first copy is not complete")
                                                            : "every write up to " + utc_text(status.applied_position));
  text += line("verified", status.verified_until.is_null() ? std::string("not yet: `dualsync verify` proves it")
                                                           : "equal up to " + utc_text(status.verified_until));
  text += line("drilled", status.last_proven_restore_ms
                              ? "restored and proven on " +
                                    utc_text({static_cast<std::uint32_t>(*status.last_proven_restore_ms / 1000), 0})
                              : std::string("not yet: `dualsync drill` proves that the backup can be restored"));
  if (status.reconcile.on) text += line("reconcile", reconcile_text(status.reconcile));
  text += line("canary", canary_text(status.canary, style));
  text += line("dead letters", counted(status.dead_letters, style, "refused by the backup"));
  text += line("held deletes", counted(status.held_deletes, style, "that you have to decide on"));
  text += line("dirty ranges", counted(status.dirty_ranges, style, "to be compared and repaired"));
  text += line("indexes owed", counted(status.owed_indexes, style, "not built on the backup yet"));
  for (const TimeSeriesStatus& one : status.time_series) text += line("not live", time_series_text(one));
  text += line("running for", human_duration(status.uptime_seconds));
  for (const Reason& reason : status.reasons) {
    text += fmt::format("\n{} {}\n", style(status.verdict == Verdict::kUnhealthy ? Paint::kBad : Paint::kWarning, "!"),
                        printable(reason.message));
    if (!reason.hint.empty()) text += fmt::format("  hint: {}\n", printable(reason.hint));
  }
  return text;
}

}  // namespace dualsync
