#include "dualsync/pipeline/full_sync_job.h"

#include <algorithm>
#include <set>

#include "dualsync/base/log.h"
#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

using State = FullSyncStatus::State;
using PartState = FullSyncPart::State;

constexpr std::string_view kState = "full-sync";

std::string encode_status(const FullSyncStatus& status) {
  BsonDoc doc;
  bson_append_int64(doc.get(), "id", -1, static_cast<std::int64_t>(status.id));
  bson_append_int32(doc.get(), "state", -1, static_cast<std::int32_t>(status.state));
  bson_append_bool(doc.get(), "keepExtra", -1, status.keep_extra);
  bson_append_int64(doc.get(), "startedMs", -1, status.started_ms);
  bson_append_int64(doc.get(), "finishedMs", -1, status.finished_ms);
  bson_t parts;
  bson_append_array_begin(doc.get(), "parts", -1, &parts);
  for (std::size_t i = 0; i < status.parts.size(); ++i) {
    const FullSyncPart& part = status.parts[i];
    bson_t entry;
    bson_append_document_begin(&parts, std::to_string(i).c_str(), -1, &entry);
    bson_append_utf8(&entry, "ns", -1, part.ns.full().c_str(), static_cast<int>(part.ns.full().size()));
    bson_append_int64(&entry, "total", -1, static_cast<std::int64_t>(part.documents_total));
    bson_append_int64(&entry, "repairs", -1, static_cast<std::int64_t>(part.repairs));
    bson_append_int64(&entry, "kept", -1, static_cast<std::int64_t>(part.kept));
    bson_append_bool(&entry, "done", -1, part.state == PartState::kDone);
    bson_append_document_end(&parts, &entry);
  }
  bson_append_array_end(doc.get(), &parts);
  return doc.str();
}

FullSyncPart decode_part(const bson_iter_t& entry) {
  bson_iter_t field = entry;
  FullSyncPart part;
  while (bson_iter_next(&field)) {
    const std::string_view name = bson_iter_key(&field);
    if (name == "ns") part.ns = Namespace::parse(iter_string(field).value_or(""));
    if (name == "total") part.documents_total = static_cast<std::uint64_t>(bson_iter_as_int64(&field));
    if (name == "repairs") part.repairs = static_cast<std::uint64_t>(bson_iter_as_int64(&field));
    if (name == "kept") part.kept = static_cast<std::uint64_t>(bson_iter_as_int64(&field));
    if (name == "done" && bson_iter_as_bool(&field)) {
      part.state = PartState::kDone;
      part.documents_done = part.documents_total;
    }
  }
  return part;
}

FullSyncStatus decode_status(std::string_view bytes) {
  FullSyncStatus status;
  bson_iter_t iter;
  if (!iterate_bson(bytes, &iter)) return status;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "id") status.id = static_cast<std::uint64_t>(bson_iter_as_int64(&iter));
    if (name == "state") status.state = static_cast<State>(bson_iter_as_int64(&iter));
    if (name == "keepExtra") status.keep_extra = bson_iter_as_bool(&iter);
    if (name == "startedMs") status.started_ms = bson_iter_as_int64(&iter);
    if (name == "finishedMs") status.finished_ms = bson_iter_as_int64(&iter);
    bson_iter_t child;
    if (name != "parts" || !bson_iter_recurse(&iter, &child)) continue;
    while (bson_iter_next(&child)) {
      bson_iter_t field;
      if (bson_iter_recurse(&child, &field)) status.parts.push_back(decode_part(field));
    }
  }
  return status;
}

}  // namespace

Result<void> FullSyncJob::load() {
  auto kept = queue_.get_state(kState);
  if (!kept) return kept.error();
  if (!*kept) return {};
  MutexLock lock(mutex_);
  status_ = decode_status(**kept);
  asked_ = queue_.newest_gap();
  return {};
}

Result<void> FullSyncJob::save() { return queue_.put_state(kState, encode_status(status_)); }

Result<void> FullSyncJob::begin() {
  cancel_ = std::stop_source();
  resumed_.reset();
  repairs_until_.reset();
  // Before the ranges: were they there first, the thread of full sync would not know whose they are.
  DUALSYNC_TRY(save());
  for (const FullSyncPart& part : status_.parts) {
    DirtyRange range{part.ns, "full sync", DirtyRange::kNoGap, false, ""};
    range.requested = true;
    range.keep_extra = status_.keep_extra;
    DUALSYNC_TRY(queue_.mark_dirty(range));
  }
  asked_ = queue_.newest_gap();
  return {};
}

Result<FullSyncStatus> FullSyncJob::start(const FullSyncRequest& request, std::vector<FullSyncPart> parts) {
  {
    MutexLock lock(mutex_);
    if (status_.state == State::kRunning) {
      return Error{ErrorKind::kConflict, "a full sync is running already",
                   "wait for its end, or stop it with `dualsync full-sync --cancel`", 0};
    }
    const FullSyncStatus before = status_;
    FullSyncStatus next;
    next.state = State::kRunning;
    next.id = before.id + 1;
    next.keep_extra = request.keep_extra;
    next.started_ms = clock_.unix_ms();
    next.parts = std::move(parts);
    status_ = std::move(next);
    if (auto begun = begin(); !begun) {
      status_ = before;
      ignore_error(queue_.cancel_requested(), "what is left is compared for nothing");
      ignore_error(save(), "it ends at the next start, with its ranges");
      return begun.error();
    }
    log::info("full-sync", "asked for", {{"id", status_.id}, {"namespaces", status_.parts.size()}});
  }
  return view();
}

Result<FullSyncStatus> FullSyncJob::cancel() {
  {
    MutexLock lock(mutex_);
    if (status_.state != State::kRunning) return Error{ErrorKind::kNotFound, "no full sync is running", "", 0};
    DUALSYNC_TRY(queue_.cancel_requested());
    cancel_.request_stop();
    status_.state = State::kCancelled;
    status_.finished_ms = clock_.unix_ms();
    DUALSYNC_TRY(save());
    log::info("full-sync", "cancelled", {{"id", status_.id}});
  }
  return view();
}

FullSyncStatus FullSyncJob::view() const {
  MutexLock lock(mutex_);
  FullSyncStatus status = status_;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  for (const FullSyncPart& part : status.parts) {
    done += part.documents_done;
    total += std::max(part.documents_total, part.documents_done);
  }
  if (status.state != State::kRunning || !resumed_) return status;
  const double seconds = std::chrono::duration<double>(clock_.now() - *resumed_).count();
  if (seconds > 0) status.documents_per_second = static_cast<double>(done) / seconds;
  if (status.documents_per_second > 0)
    status.eta_seconds = static_cast<std::int64_t>(static_cast<double>(total - done) / status.documents_per_second);
  return status;
}

std::stop_token FullSyncJob::cancelled() const {
  MutexLock lock(mutex_);
  return cancel_.get_token();
}

FullSyncPart* FullSyncJob::find(const Namespace& ns) {
  if (status_.state != State::kRunning) return nullptr;
  const auto found =
      std::find_if(status_.parts.begin(), status_.parts.end(), [&](const FullSyncPart& part) { return part.ns == ns; });
  return found == status_.parts.end() ? nullptr : &*found;
}

void FullSyncJob::began(const Namespace& ns) {
  MutexLock lock(mutex_);
  FullSyncPart* part = find(ns);
  if (part == nullptr || part->state != PartState::kWaiting) return;
  part->state = PartState::kRunning;
  if (!resumed_) resumed_ = clock_.now();
}

void FullSyncJob::advanced(const Namespace& ns, const RepairCounts& since) {
  MutexLock lock(mutex_);
  FullSyncPart* part = find(ns);
  if (part == nullptr) return;
  part->documents_done += since.local;
  part->repairs += since.repairs;
  part->kept += since.kept;
}

Result<void> FullSyncJob::tend() {
  MutexLock lock(mutex_);
  if (status_.state != State::kRunning) return {};
  std::set<Namespace> waiting;
  for (const DirtyRange& range : queue_.dirty_ranges()) {
    if (range.since <= asked_) waiting.insert(range.ns);
  }
  bool all = true;
  bool changed = false;
  for (FullSyncPart& part : status_.parts) {
    if (waiting.contains(part.ns)) {
      all = false;
    } else if (part.state != PartState::kDone) {
      part.state = PartState::kDone;
      changed = true;
    }
  }
  if (all && !repairs_until_) repairs_until_ = queue_.position().time;
  if (all && queue_.settled_position() >= *repairs_until_) {
    status_.state = State::kDone;
    status_.finished_ms = clock_.unix_ms();
    changed = true;
    std::uint64_t repairs = 0;
    for (const FullSyncPart& part : status_.parts) repairs += part.repairs;
    log::info("full-sync", "done", {{"id", status_.id}, {"repairs", repairs}});
  }
  return changed ? save() : Result<void>();
}

}  // namespace dualsync
