#include "dualsync/observe/mirror_metrics.h"

#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <sstream>

#include "dualsync/base/version.h"

namespace dualsync {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

const std::vector<double> kBatchBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
// A link may be away for weeks.
const std::vector<double> kLagBounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,    1,      2.5,
                                     5,     10,   30,    60,   600, 3600, 21'600, 86'400, 604'800};

struct Figures {
  std::vector<MetricFamily> families;

  MetricFamily& family(std::string name, std::string help, MetricType type) {
    families.push_back({"dualsync_" + std::move(name), std::move(help), type, {}});
    return families.back();
  }
  void gauge(std::string name, std::string help, double value) {
    add(&family(std::move(name), std::move(help), MetricType::Gauge), value);
  }
  void counter(std::string name, std::string help, std::uint64_t value) {
    ClientMetric metric;
    metric.counter.value = static_cast<double>(value);
    family(std::move(name) + "_total", std::move(help), MetricType::Counter).metric.push_back(metric);
  }
  // Unix time in seconds; none where it is not known.
  void time(std::string name, std::string help, std::optional<double> seconds) {
    MetricFamily& made = family(std::move(name) + "_timestamp_seconds", std::move(help), MetricType::Gauge);
    if (seconds) add(&made, *seconds);
  }
  void position(std::string name, std::string help, OpTime time_of) {
    time(std::move(name), std::move(help), time_of.is_null() ? std::nullopt : std::optional<double>(time_of.t));
  }
  static void add(MetricFamily* family, double value, std::vector<ClientMetric::Label> labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = value;
    family->metric.push_back(std::move(metric));
  }
  // One sample for each thing it may be; that which it is has 1.
  template <typename Enum, std::size_t N>
  void state(std::string name, std::string help, const std::string& label, const std::array<Enum, N>& all, Enum is) {
    MetricFamily& made = family(std::move(name), std::move(help), MetricType::Gauge);
    for (const Enum one : all) add(&made, one == is ? 1 : 0, {{label, std::string(to_string(one))}});
  }
  void histogram(std::string name, std::string help, const prometheus::Histogram& histogram) {
    family(std::move(name), std::move(help), MetricType::Histogram).metric.push_back(histogram.Collect());
  }
};

void add_verdict(const Status& status, Figures* out) {
  Figures::add(&out->family("build_info", "The running version; always 1", MetricType::Gauge), 1,
               {{"version", std::string(kVersion)}});
  out->gauge("uptime_seconds", "Since the daemon started", static_cast<double>(status.uptime_seconds));
  out->gauge("enabled", "1 if SYNC_ENABLED=true", status.enabled ? 1 : 0);
  out->gauge("paused", "1 while applying is paused", status.paused_since_ms ? 1 : 0);
  out->state("health", "1 at the verdict of the moment", "verdict",
             std::array{Verdict::kHealthy, Verdict::kDegraded, Verdict::kUnhealthy}, status.verdict);
  MetricFamily& reasons = out->family("health_reason", "1 for each reason of the verdict", MetricType::Gauge);
  for (const Reason& reason : status.reasons) {
    const std::vector<ClientMetric::Label> labels{{"code", reason.code}};
    const bool twice = std::any_of(reasons.metric.begin(), reasons.metric.end(),
                                   [&](const ClientMetric& one) { return one.label == labels; });
    if (!twice) Figures::add(&reasons, 1, labels);
  }
  out->gauge("rpo_seconds", "What a disaster now would lose: age of the oldest write that is not on the backup",
             status.rpo_seconds);
  using C = CaptureState;
  out->state("capture", "1 at the state of capture", "state",
             std::array{C::kDisabled, C::kConnecting, C::kStreaming, C::kStandalone, C::kFailed}, status.capture);
  out->state("breaker", "1 at the state of the circuit breaker to the backup", "state",
             std::array{BreakerState::kClosed, BreakerState::kOpen, BreakerState::kHalfOpen}, status.breaker);
}

void add_flow(const Status& status, Figures* out) {
  out->counter("operations_captured", "Operations captured, ever", status.total_operations);
  out->counter("operations_synced", "Operations that the backup acknowledged, ever", status.successful_syncs);
  out->counter("operations_refused", "Refusals by the backup, whether tried again or not, ever", status.failed_syncs);
  out->counter("operations_coalesced", "Operations merged into one that was waiting already, ever",
               status.coalesced_operations);
  out->counter("coalesced_bytes", "Payload that merging made needless, ever", status.bytes_saved);
  out->counter("sent_bytes", "Sent to the backup since the daemon started", status.bytes_sent);
  out->counter("conflicts", "Documents of the backup that somebody else had changed; since the daemon started",
               status.conflicts);
  out->counter("gaps", "Times local no longer had our position or the backup was not what it was; since the start",
               status.gaps);
  out->counter("malformed_events", "Change events that were not understood; since the daemon started",
               status.malformed_events);
  out->counter("queue_payloads_dropped", "Operations that lost their content because the queue was over its bounds",
               status.payloads_dropped);
  out->counter("queue_ranges_dropped", "Namespaces that became dirty ranges because the queue was over its bounds",
               status.ranges_dropped);
  out->gauge("queue_operations", "Operations waiting or in flight", static_cast<double>(status.queue_size));
  out->gauge("queue_bytes", "Bytes of the operations waiting or in flight", static_cast<double>(status.queue_bytes));
  out->gauge("sync_time_average_seconds", "From enqueue to acknowledgement, smoothed", status.avg_sync_ms / 1000);
  MetricFamily& lanes =
      out->family("lane_operations_in_flight", "Operations that a lane is sending", MetricType::Gauge);
  for (std::size_t i = 0; i < status.lanes.size(); ++i)
    Figures::add(&lanes, static_cast<double>(status.lanes[i].in_flight), {{"lane", std::to_string(i)}});
}

void add_state(const Status& status, Figures* out) {
  out->gauge("held_deletes", "Documents whose deletes the mass-delete guard holds until somebody decides",
             static_cast<double>(status.held_deletes));
  out->gauge("dead_letters", "Operations that the backup refused for good and that are open",
             static_cast<double>(status.dead_letters));
  out->gauge("dirty_ranges", "Namespaces to be compared and repaired", static_cast<double>(status.dirty_ranges));
  out->gauge("owed_indexes", "Indexes not built on the backup yet", static_cast<double>(status.owed_indexes));
  out->gauge("disk_low", "1 while less than SYNC_DISK_RESERVE_BYTES is free", status.disk_low ? 1 : 0);
  out->gauge("copy_running", "1 while a first copy, a repair or a full sync runs", status.copy.running ? 1 : 0);
  out->gauge("copy_documents_done", "Documents that it has read", static_cast<double>(status.copy.documents_done));
  out->gauge("copy_documents", "Documents that it has to read, estimated",
             static_cast<double>(status.copy.documents_total));
  out->position("capture_position", "Cluster time up to which local has been read", status.capture_position);
  out->position("applied_position", "Cluster time up to which every write is on the backup", status.applied_position);
  out->position("verified_until", "Cluster time up to which a comparison found both equal", status.verified_until);
  const auto seconds = [](std::optional<std::int64_t> ms) {
    return ms ? std::optional<double>(static_cast<double>(*ms) / 1000) : std::nullopt;
  };
  out->time("last_proven_restore", "When a restore was last proven", seconds(status.last_proven_restore_ms));
  out->time("canary_last_arrival", "When a test write to local was last found on the backup",
            seconds(status.canary.last_arrival_ms));
  out->gauge("canary_waiting_seconds", "How long the test write that is on its way has been so",
             static_cast<double>(status.canary.waiting_seconds));
  out->time("last_sync", "When the backup last acknowledged an operation", seconds(status.last_sync_ms));
  MetricFamily& window = out->family("oplog_window_seconds", "How far back local's oplog reaches", MetricType::Gauge);
  if (status.oplog_window_seconds) Figures::add(&window, static_cast<double>(*status.oplog_window_seconds));
}

}  // namespace

struct MirrorMetrics::Histograms {
  prometheus::Histogram batch{kBatchBounds};
  prometheus::Histogram lag{kLagBounds};
};

MirrorMetrics::MirrorMetrics() : histograms_(std::make_unique<Histograms>()) {}
MirrorMetrics::~MirrorMetrics() = default;

void MirrorMetrics::add_batch(double seconds, const std::vector<double>& lags) {
  histograms_->batch.Observe(seconds);
  if (lags.empty()) return;
  std::vector<double> increments(kLagBounds.size() + 1);
  for (const double lag : lags) {
    const auto bound = std::lower_bound(kLagBounds.begin(), kLagBounds.end(), lag);
    ++increments[static_cast<std::size_t>(bound - kLagBounds.begin())];
  }
  histograms_->lag.ObserveMultiple(increments, std::accumulate(lags.begin(), lags.end(), 0.0));
}

std::string MirrorMetrics::text(const Status& status) const {
  Figures figures;
  add_verdict(status, &figures);
  add_flow(status, &figures);
  add_state(status, &figures);
  figures.histogram("batch_duration_seconds",
                    "From sending a batch to the answer of the backup, reading again included", histograms_->batch);
  figures.histogram(
      "replication_lag_seconds",
      "From the capture of a change to its acknowledgement by the backup; merged ones count from the oldest",
      histograms_->lag);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, figures.families);
  return out.str();
}

}  // namespace dualsync
