#include "dualsync/pipeline/backup_guard.h"

#include <tuple>

#include "dualsync/base/log.h"
#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

std::int64_t number(std::string_view bytes, const char* name) {
  bson_iter_t iter;
  return find_field(bytes, name, &iter) ? bson_iter_as_int64(&iter) : 0;
}

}  // namespace

Result<std::optional<BackupGuard::Known>> BackupGuard::known() const {
  auto stored = queue_.get_state(kStateBackup);
  if (!stored) return stored.error();
  if (!*stored) return std::optional<Known>();
  bson_iter_t id;
  Known known;
  if (find_field(**stored, "id", &id)) known.id = iter_string(id).value_or("");
  if (find_field(**stored, "lease", &id)) known.lease = iter_string(id).value_or("");
  known.epoch = number(**stored, "epoch");
  known.renewal = number(**stored, "renewal");
  return std::optional<Known>(std::move(known));
}

std::optional<std::string> BackupGuard::why_other(const std::optional<Known>& known, const FoundBackup& found) const {
  const char* const nothing_there = "it holds nothing of ours";
  if (!known) {
    // A queue that never claimed anything of a backup has its first copy before it; one of an earlier version did not
    // keep the id, and a backup of ours had none.
    if (found.has_local || queue_.applied_position().is_null()) return std::nullopt;
    return nothing_there;
  }
  if (found.id.empty()) return nothing_there;
  if (found.id != known->id) return "it is another one than before";
  if (found.lease && known->lease == options_.lease &&
      std::tie(found.lease->epoch, found.lease->renewal) < std::tie(known->epoch, known->renewal))
    return "it is an older state of itself, put back from a snapshot or a copy";
  return std::nullopt;
}

Result<void> BackupGuard::recognise(const FoundBackup& found) {
  auto before = known();
  if (!before) return before.error();
  const auto why = why_other(*before, found);
  if (!why) return {};
  log::error("identity",
             "the backup is not what it was: " + *why + ". Everything in scope is compared and copied there",
             {{"scope", options_.local_db.empty() ? "all databases" : options_.local_db}});
  // In a backup that is new, what is there already is somebody else's, as at the very first start.
  const bool first_copy = found.id.empty();
  DUALSYNC_TRY(queue_.forget_applied({{options_.local_db, ""}, "the backup is not what it was", {}, first_copy, ""}));
  DUALSYNC_TRY(options_.forget_proofs());
  ++losses_;
  return {};
}

Result<void> BackupGuard::remember(const std::string& id, const LeaseRecord& lease) {
  const Known now{id, options_.lease, lease.epoch, lease.renewal};
  if (kept_ == now) return {};
  BsonDoc out;
  BSON_APPEND_UTF8(out.get(), "id", now.id.c_str());
  BSON_APPEND_UTF8(out.get(), "lease", now.lease.c_str());
  BSON_APPEND_INT64(out.get(), "epoch", now.epoch);
  BSON_APPEND_INT64(out.get(), "renewal", now.renewal);
  DUALSYNC_TRY(queue_.put_state(kStateBackup, out.bytes()));
  kept_ = now;
  return {};
}

}  // namespace dualsync
