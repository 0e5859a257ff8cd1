#include "dualsync/pipeline/lane.h"

#include <algorithm>

#include "dualsync/base/log.h"
#include "dualsync/base/mark.h"
#include "dualsync/base/planted.h"
#include "dualsync/base/waiting.h"
#include "dualsync/codec/bson.h"
#include "dualsync/observe/mirror_metrics.h"
#include "dualsync/pipeline/batch.h"
#include "dualsync/pipeline/queue_keeper.h"

namespace dualsync {
namespace {

constexpr std::size_t kProbeOperations = 10;
constexpr std::chrono::milliseconds kGatePoll{20};
// Of payload. Larger commands bring nothing (the round trip is amortised long before), and every lane holds one.
constexpr std::size_t kBatchBytesMax = 1U << 20U;

// One line for each operation that got through; a refused one was told of where it was refused.
void log_synced(const PipelineContext& context, const std::vector<TakenOperation>& taken,
                const std::vector<Completion>& completions) {
  if (!log::enabled(log::Level::kDebug)) return;
  const std::int64_t now = context.clock.unix_ms();
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const OperationView& op = taken[i].op;
    if (completions[i].kind != Completion::Kind::kDone) continue;
    log::debug("worker", "synced",
               {{"namespace", op.ns().full()},
                {"key", to_json(op.document_key)},
                {"type", to_string(op.kind)},
                {"attempt", op.attempts + 1},
                {"duration_ms", now - op.enqueued_ms}});
  }
}

// Seconds from capture to acknowledgement.
std::vector<double> lags_of(const PipelineContext& context, const std::vector<TakenOperation>& taken,
                            const std::vector<Completion>& completions) {
  std::vector<double> lags;
  lags.reserve(taken.size());
  const std::int64_t now = context.clock.unix_ms();
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (completions[i].kind == Completion::Kind::kDone)
      lags.push_back(static_cast<double>(std::max<std::int64_t>(0, now - taken[i].op.enqueued_ms)) / 1000);
  }
  return lags;
}

}  // namespace

Lane::Lane(PipelineContext& context, std::size_t index)
    : context_(context),
      index_(index),
      sizer_(context.options.batch_size, context.options.batch_max),
      backoff_(0x9e3779b97f4a7c15ULL * (index + 1)),
      batch_size_(sizer_.size()) {}

LaneStatus Lane::view() const { return {in_flight_, batch_size_, batches_, last_batch_ms_}; }

BackupWriter& Lane::writer() {
  if (!writer_) writer_ = context_.backup.make_writer();
  return *writer_;
}

bool Lane::probe() {
  auto answer = writer().reader().ping();
  if (answer) return true;
  context_.breaker.failure(answer.error().message);
  return false;
}

Result<void> Lane::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (!context_.may_write()) {
      sleep_for(kGatePoll, stop);
      continue;
    }
    const auto permit = context_.breaker.acquire(stop);
    if (permit == CircuitBreaker::Permit::kStop) break;
    if (auto stepped = step(permit, stop); !stepped) {
      DUALSYNC_TRY(outlast(stepped.error(), context_.queue, stop));
    }
  }
  return {};
}

Result<void> Lane::step(CircuitBreaker::Permit permit, std::stop_token stop) {
  const bool probing = permit == CircuitBreaker::Permit::kProbe;
  if (writer_ && !writer_->settled()) {
    if (auto settled = writer_->settle(); !settled) {
      context_.breaker.failure(settled.error().message);
      return {};
    }
  }
  if (probing && !probe()) return {};
  TakeLimits limits{sizer_.size(), kBatchBytesMax};
  if (context_.limiter != nullptr) {
    context_.limiter->wait(stop);
    limits = {context_.limiter->operations_max(limits.operations), context_.limiter->bytes_max(limits.bytes)};
  }
  // Full: as long as any lane has deletes, only those are sent, and as many as there are.
  const bool making_room = probing && context_.breaker.is_full() && context_.queue.deletes_wait();
  limits.deletes_only = making_room;
  if (probing && !making_room) limits.operations = kProbeOperations;
  const auto wait = probing ? std::chrono::milliseconds(0)
                            : std::max(context_.options.worker_interval, std::chrono::milliseconds(10));
  auto taken = context_.queue.take(index_, limits, wait, stop);
  const bool writes = taken.ok() && !taken->empty() && context_.may_write();
  // Whoever may probe has to say what came of it, or nobody ever probes again.
  if (probing && !writes && (!taken.ok() || !taken->empty())) context_.breaker.probe_again();
  if (!taken) return taken.error();
  if (!taken->empty()) return writes ? apply(*taken, making_room) : give_back(*taken);
  if (making_room) {
    context_.breaker.probe_again();
    sleep_for(kGatePoll, stop);  // the lane that has them comes first
  } else if (probing) {
    context_.breaker.success();
  }
  writer_.reset();
  local_.reset();
  return {};
}

// Applying was paused, or the lease lost, while take() waited for these.
Result<void> Lane::give_back(const std::vector<TakenOperation>& taken) {
  std::vector<Completion> completions(taken.size());
  for (std::size_t i = 0; i < taken.size(); ++i) {
    completions[i].seq = taken[i].seq;
    completions[i].kind = Completion::Kind::kPutBack;
  }
  return context_.queue.complete(completions);
}

Result<void> Lane::apply(const std::vector<TakenOperation>& taken, bool making_room) {
  if (!local_) local_ = context_.local.make_reader();
  const std::uint64_t sent_before = writer().bytes_sent();
  const SteadyTime begin = context_.clock.now();
  Batch batch(context_, {*local_, *writer_}, backoff_, taken);
  in_flight_ = taken.size();
  DUALSYNC_MARK("lane-takes");
  std::vector<Completion> completions = batch.run();
  DUALSYNC_MARK("lane-answered");
  in_flight_ = 0;
  const auto exactly = context_.clock.now() - begin;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(exactly);
  const std::uint64_t sent = writer_->bytes_sent() - sent_before;
  context_.counters.bytes_sent.fetch_add(sent, std::memory_order_relaxed);
  if (context_.limiter != nullptr) context_.limiter->spend(taken.size(), sent);

  if (batch.backup_failure()) {
    const Error& error = *batch.backup_failure();
    if (planted(Bug::kSessionPerBatch)) writer_.reset();
    sizer_.shrink();
    if (error.kind == ErrorKind::kQuota) {
      context_.breaker.full(error.message);
    } else {
      context_.breaker.failure(error.message, error.kind == ErrorKind::kDenied);
    }
    for (Completion& completion : completions) {
      if (completion.kind == Completion::Kind::kPutBack && completion.delay.count() == 0)
        completion.delay = std::chrono::milliseconds(200);
    }
  } else {
    if (making_room) {
      context_.breaker.probe_again();
    } else {
      context_.breaker.success();
    }
    if (batch.throttled()) {
      sizer_.shrink();
    } else {
      sizer_.succeeded(taken.size(), took);
    }
  }
  ++batches_;
  batch_size_ = sizer_.size();
  last_batch_ms_ = static_cast<std::uint64_t>(took.count());
  if (context_.metrics != nullptr && !batch.backup_failure())
    context_.metrics->add_batch(std::chrono::duration<double>(exactly).count(), lags_of(context_, taken, completions));
  log_synced(context_, taken, completions);
  log::debug("worker", "batch", {{"lane", index_}, {"operations", taken.size()}, {"duration_ms", took.count()}});
  return context_.queue.complete(completions);
}

}  // namespace dualsync
