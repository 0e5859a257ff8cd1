#include "dualsync/mongo/schema_writer.h"

#include <fmt/format.h>

#include "dualsync/mongo/schema_commands.h"

namespace dualsync {

Result<void> MongoSchemaWriter::send(const std::string& db, BsonDoc* command, const std::string& what) {
  append_majority_write_concern(command);
  auto server = session_.select_primary();
  if (!server.ok()) return server.error();
  BsonDoc reply;
  DUALSYNC_TRY(session_.may_write());
  // Not tried again here: a rename that had happened would come back as kNotFound.
  DUALSYNC_TRY(session_.run(*server, db, *command, ErrorPlace::kCommand, what, &reply));
  if (auto concern = write_concern_error(*reply.get(), what); concern.has_value()) return *concern;
  return {};
}

Result<void> MongoSchemaWriter::create_collection(const Namespace& ns, std::string_view options) {
  BsonDoc command;
  DUALSYNC_TRY(build_create(ns.collection, options, &command, form_));
  Result<void> result = send(ns.db, &command, fmt::format("create {}", ns.full()));
  if (!result.ok() && result.error().code == kCodeNamespaceExists) return {};
  return result;
}

Result<void> MongoSchemaWriter::create_index(const Namespace& ns, std::string_view definition) {
  BsonDoc command;
  const auto needed = build_create_index(ns.collection, definition, &command, form_);
  if (!needed.ok()) return needed.error();
  if (!*needed) return {};
  return send(ns.db, &command, fmt::format("create an index on {}", ns.full()));
}

Result<void> MongoSchemaWriter::drop_index(const Namespace& ns, const std::string& name) {
  BsonDoc command;
  BSON_APPEND_UTF8(command.get(), "dropIndexes", ns.collection.c_str());
  BSON_APPEND_UTF8(command.get(), "index", name.c_str());
  return send(ns.db, &command, fmt::format("drop the index {} of {}", name, ns.full()));
}

Result<void> MongoSchemaWriter::modify_collection(const Namespace& ns, std::string_view changes) {
  BsonDoc command;
  const auto needed = build_modify(ns.collection, changes, &command, form_);
  if (!needed.ok()) return needed.error();
  if (!*needed) return {};
  return send(ns.db, &command, fmt::format("change {}", ns.full()));
}

Result<void> MongoSchemaWriter::rename(const Namespace& from, const Namespace& to, bool drop_target) {
  BsonDoc command;
  BSON_APPEND_UTF8(command.get(), "renameCollection", from.full().c_str());
  BSON_APPEND_UTF8(command.get(), "to", to.full().c_str());
  BSON_APPEND_BOOL(command.get(), "dropTarget", drop_target);
  return send("admin", &command, fmt::format("rename {} to {}", from.full(), to.full()));
}

Result<void> MongoSchemaWriter::drop(const Namespace& ns) {
  BsonDoc command;
  if (ns.collection.empty()) {
    BSON_APPEND_INT32(command.get(), "dropDatabase", 1);
  } else {
    BSON_APPEND_UTF8(command.get(), "drop", ns.collection.c_str());
  }
  return send(ns.db, &command, fmt::format("drop {}", ns.full()));
}

}  // namespace dualsync
