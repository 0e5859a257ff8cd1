#include "dualsync/mongo/backup_state.h"

#include <optional>

namespace dualsync {
namespace {

std::string encode_lease(const std::string& id, const LeaseRecord& record) {
  BsonDoc out;
  append_text(out.get(), "_id", id);
  BSON_APPEND_INT64(out.get(), "epoch", record.epoch);
  BSON_APPEND_INT64(out.get(), "renewal", record.renewal);
  append_text(out.get(), "installation", record.holder.installation);
  append_text(out.get(), "process", record.holder.process);
  append_text(out.get(), "boot", record.holder.boot);
  append_text(out.get(), "host", record.holder.host);
  BSON_APPEND_INT64(out.get(), "pid", record.holder.pid);
  append_text(out.get(), "dataDir", record.holder.data_dir);
  BSON_APPEND_DATE_TIME(out.get(), "since", record.holder.since_ms);
  BSON_APPEND_INT64(out.get(), "durationMs", record.duration.count());
  BSON_APPEND_INT64(out.get(), "timeoutMs", record.timeout.count());
  return out.str();
}

LeaseRecord decode_lease(std::string_view bytes) {
  LeaseRecord record;
  record.epoch = number_of(bytes, "epoch");
  record.renewal = number_of(bytes, "renewal");
  record.holder.installation = text_of(bytes, "installation");
  record.holder.process = text_of(bytes, "process");
  record.holder.boot = text_of(bytes, "boot");
  record.holder.host = text_of(bytes, "host");
  record.holder.pid = number_of(bytes, "pid");
  record.holder.data_dir = text_of(bytes, "dataDir");
  bson_iter_t since;
  if (find_field(bytes, "since", &since) && BSON_ITER_HOLDS_DATE_TIME(&since))
    record.holder.since_ms = bson_iter_date_time(&since);
  record.duration = std::chrono::milliseconds(number_of(bytes, "durationMs"));
  record.timeout = std::chrono::milliseconds(number_of(bytes, "timeoutMs"));
  return record;
}

constexpr const char* kBackupId = "backup";

}  // namespace

MongoBackupState::MongoBackupState(std::shared_ptr<ClientPool> pool, const std::string& database)
    : state_(std::move(pool), database),
      lease_id_("lease/" + (database.empty() ? std::string("*") : database)),
      identity_id_("identity/" + (database.empty() ? std::string("*") : database)) {}

Result<std::optional<LeaseRecord>> MongoBackupState::read_lease() {
  auto found = state_.find(lease_id_);
  if (!found) return found.error().in("lease");
  if (found->empty()) return std::optional<LeaseRecord>();
  return std::optional<LeaseRecord>(decode_lease(*found));
}

Result<bool> MongoBackupState::replace_lease(const std::optional<LeaseRecord>& expected, const LeaseRecord& next) {
  const std::string document = encode_lease(lease_id_, next);
  if (!expected) return state_.insert(document, "take the lease");
  BsonDoc query;
  append_text(query.get(), "_id", lease_id_);
  BSON_APPEND_INT64(query.get(), "epoch", expected->epoch);
  BSON_APPEND_INT64(query.get(), "renewal", expected->renewal);
  return state_.update(query.bytes(), document, false, "renew the lease");
}

Result<std::optional<LocalIdentity>> MongoBackupState::read_identity() {
  auto found = state_.find(identity_id_);
  if (!found) return found.error().in("identity");
  if (found->empty()) return std::optional<LocalIdentity>();
  LocalIdentity identity;
  identity.set_name = text_of(*found, "setName");
  identity.set_id = text_of(*found, "setId");
  identity.marker = text_of(*found, "marker");
  identity.mark = number_of(*found, "mark");
  return std::optional<LocalIdentity>(std::move(identity));
}

Result<void> MongoBackupState::write_identity(const LocalIdentity& identity) {
  BsonDoc query;
  append_text(query.get(), "_id", identity_id_);
  BsonDoc document;
  append_text(document.get(), "_id", identity_id_);
  append_text(document.get(), "setName", identity.set_name);
  append_text(document.get(), "setId", identity.set_id);
  append_text(document.get(), "marker", identity.marker);
  BSON_APPEND_INT64(document.get(), "mark", identity.mark);
  auto written = state_.update(query.bytes(), document.bytes(), true, "write the identity");
  if (!written) return written.error();
  return {};
}

Result<std::string> MongoBackupState::read_backup_id() {
  auto found = state_.find(kBackupId);
  if (!found) return found.error().in("identity of the backup");
  return found->empty() ? std::string() : text_of(*found, "id");
}

Result<void> MongoBackupState::give_backup_id(const std::string& id) {
  BsonDoc document;
  append_text(document.get(), "_id", kBackupId);
  append_text(document.get(), "id", id);
  auto given = state_.insert(document.bytes(), "give the backup its identity");
  return given ? Result<void>() : given.error();
}

}  // namespace dualsync
