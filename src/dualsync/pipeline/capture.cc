#include "dualsync/pipeline/capture.h"

#include "dualsync/base/log.h"
#include "dualsync/base/mark.h"
#include "dualsync/base/planted.h"
#include "dualsync/base/waiting.h"
#include "dualsync/codec/bson.h"
#include "dualsync/codec/ddl_event.h"
#include "dualsync/pipeline/local_guard.h"
#include "dualsync/pipeline/polled_ddl.h"
#include "dualsync/pipeline/queue_keeper.h"
#include "dualsync/pipeline/scope_keeper.h"

namespace dualsync {
namespace {

constexpr std::size_t kFewEvents = 100;  // of a reply; whoever has more to tell is asked again at once

}  // namespace

Capture::Capture(PipelineContext& context)
    : context_(context),
      source_(std::make_unique<PolledDdl>(context, context.local.make_change_source())),
      answered_(context.clock.now()) {}

void Capture::set_state(CaptureState state, std::string cause) {
  MutexLock lock(mutex_);
  if (is_reading(state)) answered_ = context_.clock.now();
  state_ = state;
  cause_ = std::move(cause);
}

Capture::View Capture::view() const {
  MutexLock lock(mutex_);
  const auto silent = std::chrono::duration_cast<std::chrono::seconds>(context_.clock.now() - answered_);
  return {state_, cause_, silent.count()};
}

Result<void> Capture::run(std::stop_token stop) {
  Backoff backoff(0x2545f4914f6cdd1dULL);
  while (!stop.stop_requested()) {
    const auto ended = step(stop);
    if (is_reading(view().state)) backoff.reset();
    if (ended) continue;  // invalidated: open again behind it
    const Error& error = ended.error();
    switch (error.kind) {
      case ErrorKind::kStopped: return {};
      case ErrorKind::kUnsupported:
        set_state(CaptureState::kFailed, error.message);
        log::error("capture", error.message, {{"hint", error.hint}});
        return error;
      case ErrorKind::kIo: {
        set_state(CaptureState::kConnecting, error.message);
        const auto outlasted = outlast(error, context_.queue, stop);
        if (outlasted) continue;
        set_state(CaptureState::kFailed, outlasted.error().message);
        return outlasted;
      }
      case ErrorKind::kCorruption:
      case ErrorKind::kInvalidArgument: set_state(CaptureState::kFailed, error.message); return error;
      default: break;
    }
    set_state(CaptureState::kConnecting, error.message);
    const auto delay = backoff.next();
    log::warn("capture", "change stream interrupted; trying again",
              {{"error", error.message}, {"hint", error.hint}, {"retry_ms", delay.count()}});
    sleep_for(delay, stop);
  }
  return {};
}

Result<void> Capture::step(std::stop_token stop) {
  auto ended = open();
  if (ended) {
    set_state(source_->follows_changes() ? CaptureState::kStreaming : CaptureState::kStandalone, "");
    ended = stream(stop);
  }
  source_->close();
  return ended;
}

Result<void> Capture::open() {
  generation_ = context_.queue.generation();
  const Position from = context_.queue.position();
  auto opened = source_->open(from);
  if (!opened) {
    if (opened.error().kind == ErrorKind::kPositionLost) return start_over(from, opened.error());
    return opened.error();
  }
  if (!source_->follows_changes()) {
    log::warn("capture",
              "local is a standalone server without change streams; what middleware reports is mirrored, and "
              "the rest is found by comparing every SYNC_RECONCILE_INTERVAL");
  } else if (from.token == Position::kNoStream) {
    return start_over(from,
                      {ErrorKind::kPositionLost, "local was a standalone server and has a change stream now", "", 0});
  }
  ScopeKeeper scope(context_.queue, context_.scope);
  if (!from.empty()) DUALSYNC_TRY(scope.mark_new());
  if (!from.empty() && !source_->follows_changes()) return {};
  if (!from.empty()) {
    log::info("capture", "change stream resumed", {{"position", from.time.to_string()}});
    return {};
  }
  auto compare = context_.queue.get_state(kStateCompareAll);
  if (!compare) return compare.error();
  if (*compare) {
    log::info("capture", "local was adopted: everything is compared and repaired",
              {{"position", opened->time.to_string()}});
    DUALSYNC_TRY(context_.queue.append({{}, {whole_scope("local adopted", {}, false)}, *opened, generation_}));
    DUALSYNC_TRY(scope.keep());
    return context_.queue.put_state(kStateCompareAll, "");
  }
  // The very first start: everything there is has to be copied, and what changes from here on waits in the queue.
  log::info("capture", "first start: change stream opened", {{"position", opened->time.to_string()}});
  DUALSYNC_MARK("first-start");
  DUALSYNC_TRY(context_.queue.append({{}, {whole_scope("first copy", {}, true)}, *opened, generation_}));
  DUALSYNC_MARK("first-copy-marked");
  return scope.keep();
}

// Local no longer has our position. A new one is taken now, and everything in scope is compared and repaired.
Result<void> Capture::start_over(const Position& lost, const Error& cause) {
  source_->close();
  auto opened = source_->open({});
  if (!opened) return opened.error();
  log::error(
      "capture", "gap: local no longer has our position; everything in scope is compared and repaired",
      {{"lost_position", lost.time.to_string()}, {"position", opened->time.to_string()}, {"error", cause.message}});
  context_.counters.gaps.fetch_add(1, std::memory_order_relaxed);
  DUALSYNC_MARK("gap-found");
  if (planted(Bug::kGapForgotten)) return context_.queue.append({{}, {}, *opened, generation_});
  return context_.queue.append({{}, {whole_scope("position lost", lost.time, false)}, *opened, generation_});
}

// The database that is mirrored, or all of them; full sync finds out what is in there.
DirtyRange Capture::whole_scope(const std::string& reason, OpTime gap_start, bool first_copy) const {
  return {{context_.scope.single_database(), ""}, reason, gap_start, first_copy, ""};
}

Result<void> Capture::stream(std::stop_token stop) {
  invalidated_ = false;
  while (!invalidated_) {
    auto batch = source_->next(stop);
    if (!batch) {
      if (batch.error().kind == ErrorKind::kPositionLost) return start_over(context_.queue.position(), batch.error());
      return batch.error();
    }
    {
      MutexLock lock(mutex_);
      answered_ = context_.clock.now();
    }
    const std::size_t events = batch->events.size();
    DUALSYNC_TRY(store(*batch));
    rest(events, stop);
  }
  return {};
}

void Capture::rest(std::size_t events, const std::stop_token& stop) {
  const auto pause = context_.options.capture_pause;
  if (events > 0 && events < kFewEvents && pause.count() > 0) sleep_for(pause, stop);
}

Result<void> Capture::store(const ChangeBatch& batch) {
  AppendBatch out;
  out.operations.reserve(batch.events.size());
  out.position = batch.position;
  out.generation = generation_;
  for (const std::string_view event : batch.events) add_event(event, &out);
  if (context_.delete_guard != nullptr) DUALSYNC_TRY(context_.delete_guard->note_captured(out.operations));
  DUALSYNC_MARK("captured");
  return context_.queue.append(out);
}

// Several daemons may keep theirs on one local.
bool Capture::is_our_canary(const DecodedEvent& event) const {
  return is_canary(event.op.db, event.op.collection) && event.kind == DecodedEvent::Kind::kDocument &&
         event.op.document_key == context_.options.canary_key;
}

bool Capture::concerns_scope(const DecodedEvent& event) {
  if (context_.scope.contains(event.op.db, event.op.collection) || is_our_canary(event)) return true;
  if (context_.scope.collides(event.op.db)) tell_of_collision(std::string(event.op.db));
  if (event.kind != DecodedEvent::Kind::kDdl) return false;
  const auto ddl = parse_ddl_event(event.op.payload);
  return ddl.ok() && ddl->type == DdlEvent::Type::kRename && context_.scope.contains(ddl->to);
}

void Capture::add_event(std::string_view bytes, AppendBatch* out) {
  DecodedEvent event = decode_event(bytes);
  if (event.kind == DecodedEvent::Kind::kInvalidate) {
    invalidated_ = true;
    return;
  }
  if (event.kind == DecodedEvent::Kind::kNothing) return;
  event.op.enqueued_ms = context_.clock.unix_ms();
  if (event.op.first_time.is_null()) event.op.first_time = event.op.last_time = out->position.time;
  if (event.kind == DecodedEvent::Kind::kMalformed) return add_malformed(event, out);
  if (!concerns_scope(event)) return;
  if (context_.options.strict) tell_of_missing_image(event);
  out->operations.push_back(event.op);
}

// It was made after the start, which refuses such a pair.
void Capture::tell_of_collision(const std::string& db) {
  if (!collisions_.insert(db).second) return;
  log::error("capture", "a database is not mirrored: SYNC_DATABASE_MAP sends another one to its name on the backup",
             {{"database", db}, {"hint", "give it a name of its own in SYNC_DATABASE_MAP, and start again"}});
}

// Told once for each namespace: the mirror goes on, but the promise of strict order is not whole there.
void Capture::tell_of_missing_image(const DecodedEvent& event) {
  if (event.op.kind != OpKind::kDelta && event.op.kind != OpKind::kTouch) return;
  if (!without_images_.insert(event.op.ns()).second) return;
  log::warn("capture",
            "strict ordering: an update came without its post-image; one that cannot be repeated exactly is read "
            "again from local, and its document may then be ahead of the order",
            {{"namespace", event.op.ns().full()},
             {"hint", "on local: db.runCommand({collMod: '" + event.op.ns().collection +
                          "', changeStreamPreAndPostImages: {enabled: true}})"}});
}

void Capture::add_malformed(const DecodedEvent& event, AppendBatch* out) {
  const Namespace ns = event.op.ns();
  if (!ns.db.empty() && !context_.scope.contains(ns)) return;
  context_.counters.malformed_events.fetch_add(1, std::memory_order_relaxed);
  const bool has_key = !event.op.document_key.empty() && !ns.collection.empty();
  log::warn("capture", "change event not understood; what it concerns is read again",
            {{"problem", event.problem},
             {"namespace", ns.full()},
             {"document", has_key},
             {"cluster_time", event.op.first_time.to_string()}});
  if (has_key) {
    out->operations.push_back(event.op);
  } else if (!ns.collection.empty()) {
    out->dirty.push_back({ns, "change event not understood", event.op.first_time.previous(), false, ""});
  } else {
    out->dirty.push_back(whole_scope("change event not understood", context_.queue.position().time, false));
  }
}

}  // namespace dualsync
