#include "dualsync/pipeline/local_guard.h"

#include "dualsync/base/log.h"
#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

constexpr std::chrono::seconds kRaiseInterval{10};
constexpr const char* kWaysOn =
    "Bring the right local back, and the mirror goes on by itself; or restore this one from the backup; or, if this "
    "local "
    "is right and the backup is to become equal to it, stop dualsync, run `dualsync adopt-local` and start it again.";

std::string encode_identity(const LocalIdentity& identity) {
  BsonDoc out;
  BSON_APPEND_UTF8(out.get(), "setName", identity.set_name.c_str());
  BSON_APPEND_UTF8(out.get(), "setId", identity.set_id.c_str());
  BSON_APPEND_UTF8(out.get(), "marker", identity.marker.c_str());
  BSON_APPEND_INT64(out.get(), "mark", identity.mark);
  return out.str();
}

LocalIdentity decode_identity(std::string_view bytes) {
  const auto text = [&](const char* name) {
    bson_iter_t iter;
    return find_field(bytes, name, &iter) ? std::string(iter_string(iter).value_or(std::string_view())) : std::string();
  };
  LocalIdentity identity{text("setName"), text("setId"), text("marker"), 0};
  bson_iter_t iter;
  if (find_field(bytes, "mark", &iter) && BSON_ITER_HOLDS_INT64(&iter)) identity.mark = bson_iter_int64(&iter);
  return identity;
}

}  // namespace

std::optional<LocalIdentity> known_local(const SyncQueue& queue) {
  const auto stored = queue.get_state(kStateIdentity);
  if (stored && *stored) return decode_identity(**stored);
  // A position from before identities were kept still names its replica set.
  if (!queue.position().empty()) return LocalIdentity{queue.position().replica_set, "", "", 0};
  return std::nullopt;
}

LocalGuard::LocalGuard(std::unique_ptr<LocalProbe> probe, std::string new_marker, SyncQueue& queue, const Clock& clock)
    : queue_(queue), clock_(clock), new_marker_(std::move(new_marker)), probe_(std::move(probe)) {
  MutexLock lock(mutex_);
  stored_ = known_local(queue);
  const auto adopt = queue.get_state(kStateAdopt);
  adopting_ = adopt && adopt->has_value();
}

bool LocalGuard::first_start() const {
  MutexLock lock(mutex_);
  return !stored_ && !adopting_;
}

LocalGuard::View LocalGuard::view() const {
  MutexLock lock(mutex_);
  return {trust_, cause_};
}

std::optional<LocalIdentity> LocalGuard::identity() const {
  MutexLock lock(mutex_);
  if (trust_ != LocalTrust::kRight) return std::nullopt;
  return found_->identity;
}

std::optional<std::string> LocalGuard::why_wrong(const FoundLocal& found) const {
  if (stored_) {
    if (auto why = why_not_same(*stored_, found)) return *why + "; known is " + stored_->to_string();
  }
  if (backup_ && !adopting_) {
    if (auto why = why_not_same(*backup_, found)) return *why + "; the backup belongs to " + backup_->to_string();
  }
  if (!found.newest.is_null() && found.newest.t < read_up_to_.t) {
    return "its newest change is of " + found.newest.to_string() + ", and it has been read up to " +
           read_up_to_.to_string() + ": an older copy of the data?";
  }
  return std::nullopt;
}

Error LocalGuard::wrong(const FoundLocal& found, const std::string& why) {
  const std::string cause =
      "local is not the one that the backup is a copy of: " + why + "; found is " + found.identity.to_string();
  if (trust_ != LocalTrust::kWrong || cause_ != cause) {
    log::error("identity", cause + ". Nothing is written to the backup any more: here it is the better copy",
               {{"hint", kWaysOn}});
  }
  trust_ = LocalTrust::kWrong;
  cause_ = cause;
  found_ = found;
  instance_.clear();
  return {ErrorKind::kConflict, cause, kWaysOn, 0};
}

void LocalGuard::backup_belongs_to(const std::optional<LocalIdentity>& identity) {
  MutexLock lock(mutex_);
  backup_ = identity;
  if (!found_ || trust_ == LocalTrust::kUnknown) return;
  if (const auto why = why_wrong(*found_)) static_cast<void>(wrong(*found_, *why));
}

Result<void> LocalGuard::adopted() {
  {
    MutexLock lock(mutex_);
    if (!adopting_) return {};
    adopting_ = false;
    backup_.reset();
  }
  log::info("identity", "the backup belongs to this local now");
  return queue_.put_state(kStateAdopt, "");
}

Result<void> LocalGuard::raise_marker(FoundLocal* found) {
  if (!found->marker_known || marker_refused_) return {};
  auto raised = probe_->raise_marker(new_marker_);
  if (raised) {
    found->identity.marker = raised->marker;
    found->identity.mark = raised->mark;
    raise_at_ = (clock_.now() + kRaiseInterval).time_since_epoch().count();
    return {};
  }
  if (raised.error().kind == ErrorKind::kConnectivity) return raised.error();
  marker_refused_ = true;
  log::warn("identity",
            "our marker cannot be kept on local (dualsync.marker), so an older copy of local may not be noticed",
            {{"error", raised.error().message}, {"hint", raised.error().hint}});
  return {};
}

Result<void> LocalGuard::confirm() {
  MutexLock asking(probing_);
  auto instance = probe_->instance();
  if (!instance) return instance.error().in("local");
  {
    MutexLock lock(mutex_);
    if (trust_ == LocalTrust::kRight && !instance->empty() && *instance == instance_) return {};
  }
  const OpTime read_up_to = queue_.position().time;  // before the question: meanwhile capture goes on
  auto found = probe_->identify();
  if (!found) return found.error().in("local");
  {
    MutexLock lock(mutex_);
    read_up_to_ = read_up_to;
    if (const auto why = why_wrong(*found)) return wrong(*found, *why);
  }
  DUALSYNC_TRY(raise_marker(&*found));
  {
    MutexLock lock(mutex_);
    // Once more: local may have been exchanged between the two questions.
    if (const auto why = why_wrong(*found)) return wrong(*found, *why);
    if (trust_ == LocalTrust::kWrong) log::info("identity", "local is the right one again");
    trust_ = LocalTrust::kRight;
    cause_.clear();
    instance_ = *instance;
    found_ = *found;
    if (stored_ == found->identity) return {};
  }
  auto kept = queue_.put_state(kStateIdentity, encode_identity(found->identity));
  MutexLock lock(mutex_);
  if (kept) {
    stored_ = found->identity;
  } else {
    instance_.clear();  // the next one keeps it
  }
  return kept;
}

void LocalGuard::changes_came() {
  if (clock_.now().time_since_epoch().count() < raise_at_) return;
  raise_at_ = (clock_.now() + kRaiseInterval).time_since_epoch().count();
  {
    MutexLock lock(mutex_);
    instance_.clear();  // the next confirm() asks for everything, and raises the count
  }
  ignore_error(confirm(), "whoever reads local next asks again and hears it");
}

}  // namespace dualsync
