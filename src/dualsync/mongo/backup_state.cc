#include "dualsync/mongo/backup_state.h"

#include <optional>

#include "dualsync/model/scope.h"
#include "dualsync/mongo/command_cursor.h"

namespace dualsync {
namespace {

constexpr std::string_view kStateCollection = "state";

void append_text(bson_t* to, const char* name, std::string_view text) {
  bson_append_utf8(to, name, -1, text.data(), static_cast<int>(text.size()));
}

std::string text_of(std::string_view document, const char* name) {
  bson_iter_t iter;
  if (!find_field(document, name, &iter)) return {};
  return std::string(iter_string(iter).value_or(std::string_view()));
}

std::int64_t number_of(std::string_view document, const char* name) {
  bson_iter_t iter;
  return find_field(document, name, &iter) && BSON_ITER_HOLDS_NUMBER(&iter) ? bson_iter_as_int64(&iter) : 0;
}

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

// The first of `writeErrors`; nothing if there is none.
std::optional<Error> first_write_error(const BsonDoc& reply, std::string_view what) {
  bson_iter_t list;
  bson_iter_t entry;
  if (!find_field(reply.bytes(), "writeErrors", &list) || !bson_iter_recurse(&list, &entry) || !bson_iter_next(&entry))
    return std::nullopt;
  const std::string_view document = iter_document(entry).value_or(std::string_view());
  return make_write_error(static_cast<int>(number_of(document, "code")), text_of(document, "errmsg"), what);
}

}  // namespace

MongoBackupState::MongoBackupState(std::shared_ptr<ClientPool> pool, const std::string& database)
    : session_(std::move(pool)),
      lease_id_("lease/" + (database.empty() ? std::string("*") : database)),
      identity_id_("identity/" + (database.empty() ? std::string("*") : database)) {
  places_.push_back({std::string(kMetadataDatabase), std::string(kStateCollection)});
  if (!database.empty()) places_.push_back({database, std::string(kMetadataCollection)});
}

template <typename T>
Result<T> MongoBackupState::at_allowed_place(const std::function<Result<T>(const Namespace&)>& call) {
  for (;;) {
    Result<T> result = call(places_[place_]);
    if (result || result.error().kind != ErrorKind::kDenied || place_ + 1 == places_.size()) return result;
    ++place_;
  }
}

Result<std::string> MongoBackupState::find(const std::string& id) {
  return at_allowed_place<std::string>([&](const Namespace& ns) -> Result<std::string> {
    BsonDoc command;
    append_text(command.get(), "find", ns.collection);
    bson_t filter;
    bson_append_document_begin(command.get(), "filter", -1, &filter);
    append_text(&filter, "_id", id);
    bson_append_document_end(command.get(), &filter);
    BSON_APPEND_INT32(command.get(), "limit", 1);
    BSON_APPEND_BOOL(command.get(), "singleBatch", true);
    append_majority_read_concern(&command, OpTime{});
    BsonDoc reply;
    auto server = session_.run_on_primary(ns.db, command, ErrorPlace::kCommand, "read " + ns.full(), &reply);
    if (!server) return server.error();
    bson_iter_t iter;
    bson_iter_t batch;
    bson_iter_t entry;
    if (!bson_iter_init(&iter, reply.get()) || !bson_iter_find_descendant(&iter, "cursor.firstBatch", &batch) ||
        !bson_iter_recurse(&batch, &entry) || !bson_iter_next(&entry))
      return std::string();
    return std::string(iter_document(entry).value_or(std::string_view()));
  });
}

Result<bool> MongoBackupState::update(std::string_view query, std::string_view document, bool upsert,
                                      std::string_view what) {
  return at_allowed_place<bool>([&](const Namespace& ns) -> Result<bool> {
    BsonDoc command;
    append_text(command.get(), "update", ns.collection);
    bson_t updates;
    bson_t one;
    bson_append_array_begin(command.get(), "updates", -1, &updates);
    bson_append_document_begin(&updates, "0", -1, &one);
    append_document(&one, "q", query);
    append_document(&one, "u", document);
    BSON_APPEND_BOOL(&one, "upsert", upsert);
    bson_append_document_end(&updates, &one);
    bson_append_array_end(command.get(), &updates);
    BsonDoc reply;
    DUALSYNC_TRY(session_.write(ns.db, &command, what, &reply));
    if (auto refused = first_write_error(reply, what)) return *refused;
    return number_of(reply.bytes(), "n") > 0;
  });
}

Result<bool> MongoBackupState::insert(std::string_view document, std::string_view what) {
  return at_allowed_place<bool>([&](const Namespace& ns) -> Result<bool> {
    BsonDoc command;
    append_text(command.get(), "insert", ns.collection);
    bson_t documents;
    bson_append_array_begin(command.get(), "documents", -1, &documents);
    append_document(&documents, "0", document);
    bson_append_array_end(command.get(), &documents);
    BsonDoc reply;
    DUALSYNC_TRY(session_.write(ns.db, &command, what, &reply));
    const auto refused = first_write_error(reply, what);
    if (refused && refused->kind == ErrorKind::kDuplicateKey) return false;
    if (refused) return *refused;
    return true;
  });
}

Result<std::optional<LeaseRecord>> MongoBackupState::read_lease() {
  auto found = find(lease_id_);
  if (!found) return found.error().in("lease");
  if (found->empty()) return std::optional<LeaseRecord>();
  return std::optional<LeaseRecord>(decode_lease(*found));
}

Result<bool> MongoBackupState::replace_lease(const std::optional<LeaseRecord>& expected, const LeaseRecord& next) {
  const std::string document = encode_lease(lease_id_, next);
  if (!expected) return insert(document, "take the lease");
  BsonDoc query;
  append_text(query.get(), "_id", lease_id_);
  BSON_APPEND_INT64(query.get(), "epoch", expected->epoch);
  BSON_APPEND_INT64(query.get(), "renewal", expected->renewal);
  return update(query.bytes(), document, false, "renew the lease");
}

Result<std::optional<LocalIdentity>> MongoBackupState::read_identity() {
  auto found = find(identity_id_);
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
  auto written = update(query.bytes(), document.bytes(), true, "write the identity");
  if (!written) return written.error();
  return {};
}

}  // namespace dualsync
