#include "dualsync/mongo/local_probe.h"

#include <array>

#include "dualsync/model/scope.h"
#include "dualsync/mongo/command_cursor.h"

namespace dualsync {
namespace {

constexpr const char* kMarkerCollection = "marker";
constexpr const char* kMarkerId = "marker";

bool descend(const BsonDoc& reply, const char* path, bson_iter_t* found) {
  bson_iter_t iter;
  return bson_iter_init(&iter, reply.get()) && bson_iter_find_descendant(&iter, path, found);
}

std::string object_id_at(const BsonDoc& reply, const char* path) {
  bson_iter_t iter;
  if (!descend(reply, path, &iter) || !BSON_ITER_HOLDS_OID(&iter)) return {};
  std::array<char, 25> text{};
  bson_oid_to_string(bson_iter_oid(&iter), text.data());
  return text.data();
}

LocalIdentity marker_of(std::string_view document) {
  LocalIdentity identity;
  bson_iter_t iter;
  if (find_field(document, "id", &iter)) identity.marker = std::string(iter_string(iter).value_or(std::string_view()));
  if (find_field(document, "mark", &iter) && BSON_ITER_HOLDS_NUMBER(&iter)) identity.mark = bson_iter_as_int64(&iter);
  return identity;
}

}  // namespace

Result<std::string> MongoLocalProbe::instance() {
  BsonDoc command;
  BSON_APPEND_INT32(command.get(), "hello", 1);
  BsonDoc reply;
  auto server = session_.run_on_primary("admin", command, ErrorPlace::kCommand, "hello", &reply);
  if (!server) return server.error();
  return object_id_at(reply, "topologyVersion.processId");
}

// The id that the replica set was given when it was set up; empty where the user's rights or the server do not give it.
Result<std::string> MongoLocalProbe::read_set_id() {
  BsonDoc command;
  BSON_APPEND_INT32(command.get(), "replSetGetConfig", 1);
  BsonDoc reply;
  auto server = session_.run_on_primary("admin", command, ErrorPlace::kCommand, "replSetGetConfig", &reply);
  if (server) return object_id_at(reply, "config.settings.replicaSetId");
  if (server.error().kind == ErrorKind::kConnectivity) return server.error();
  return std::string();
}

Result<std::optional<LocalIdentity>> MongoLocalProbe::read_marker() {
  BsonDoc command;
  BSON_APPEND_UTF8(command.get(), "find", kMarkerCollection);
  bson_t filter;
  bson_append_document_begin(command.get(), "filter", -1, &filter);
  BSON_APPEND_UTF8(&filter, "_id", kMarkerId);
  bson_append_document_end(command.get(), &filter);
  BSON_APPEND_INT32(command.get(), "limit", 1);
  BSON_APPEND_BOOL(command.get(), "singleBatch", true);
  append_majority_read_concern(&command, OpTime{});
  BsonDoc reply;
  auto server =
      session_.run_on_primary(std::string(kMetadataDatabase), command, ErrorPlace::kCommand, "read our marker", &reply);
  if (!server) return server.error();
  bson_iter_t batch;
  bson_iter_t entry;
  if (!descend(reply, "cursor.firstBatch", &batch) || !bson_iter_recurse(&batch, &entry) || !bson_iter_next(&entry))
    return std::optional<LocalIdentity>();
  return std::optional<LocalIdentity>(marker_of(iter_document(entry).value_or(std::string_view())));
}

Result<FoundLocal> MongoLocalProbe::identify() {
  auto server = session_.select_primary();
  if (!server) return server.error();
  auto facts = session_.facts(*server);
  if (!facts) return facts.error();
  FoundLocal found;
  auto marker = read_marker();
  if (marker) {
    if (*marker) found.identity = **marker;
  } else if (marker.error().kind == ErrorKind::kConnectivity) {
    return marker.error();
  } else {
    found.marker_known = false;
  }
  if (facts->lasting_set_id) {
    auto set_id = read_set_id();
    if (!set_id) return set_id.error();
    found.identity.set_id = *set_id;
  }
  found.identity.set_name = facts->set_name;
  found.newest = facts->operation_time;
  return found;
}

Result<LocalIdentity> MongoLocalProbe::raise_marker(const std::string& new_id) {
  BsonDoc command;
  BSON_APPEND_UTF8(command.get(), "update", kMarkerCollection);
  bson_t updates;
  bson_t one;
  bson_t part;
  bson_t fields;
  bson_append_array_begin(command.get(), "updates", -1, &updates);
  bson_append_document_begin(&updates, "0", -1, &one);
  bson_append_document_begin(&one, "q", -1, &part);
  BSON_APPEND_UTF8(&part, "_id", kMarkerId);
  bson_append_document_end(&one, &part);
  bson_append_document_begin(&one, "u", -1, &part);
  bson_append_document_begin(&part, "$inc", -1, &fields);
  BSON_APPEND_INT64(&fields, "mark", 1);
  bson_append_document_end(&part, &fields);
  bson_append_document_begin(&part, "$setOnInsert", -1, &fields);
  BSON_APPEND_UTF8(&fields, "id", new_id.c_str());
  bson_append_document_end(&part, &fields);
  bson_append_document_end(&one, &part);
  BSON_APPEND_BOOL(&one, "upsert", true);
  bson_append_document_end(&updates, &one);
  bson_append_array_end(command.get(), &updates);
  BsonDoc reply;
  DUALSYNC_TRY(session_.write(std::string(kMetadataDatabase), &command, "raise our marker", &reply));
  // Another daemon on this local may have raised it further since; that only says that this local is younger still.
  auto marker = read_marker();
  if (!marker) return marker.error();
  if (!*marker || (*marker)->marker.empty()) {
    return Error{ErrorKind::kRefused, "local's dualsync.marker holds something that is not our marker",
                 "remove the document `marker` from it", 0};
  }
  return **marker;
}

}  // namespace dualsync
