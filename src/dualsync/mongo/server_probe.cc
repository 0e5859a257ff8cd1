#include "dualsync/mongo/server_probe.h"

#include <fmt/format.h>

#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

constexpr int kCodeAtlas = 8000;  // Atlas' own refusals

double count_in(const BsonDoc& reply, const char* name) {
  bson_iter_t iter;
  if (!bson_iter_init_find(&iter, reply.get(), name) || !BSON_ITER_HOLDS_NUMBER(&iter)) return 0;
  return bson_iter_as_double(&iter);
}

}  // namespace

Result<Privileges> ServerProbe::privileges() {
  BsonDoc command;
  BSON_APPEND_INT32(command.get(), "connectionStatus", 1);
  BSON_APPEND_BOOL(command.get(), "showPrivileges", true);
  BsonDoc reply;
  auto server = session_.run_on_primary("admin", command, ErrorPlace::kCommand, "connectionStatus", &reply);
  if (!server) return server.error();
  return Privileges::read(*reply.get());
}

Result<std::int64_t> ServerProbe::unix_ms() {
  BsonDoc command;
  BSON_APPEND_INT32(command.get(), "hello", 1);
  BsonDoc reply;
  auto server = session_.run_on_primary("admin", command, ErrorPlace::kCommand, "hello", &reply);
  if (!server) return server.error();
  bson_iter_t iter;
  if (!bson_iter_init_find(&iter, reply.get(), "localTime") || !BSON_ITER_HOLDS_DATE_TIME(&iter))
    return Error{ErrorKind::kUnsupported, "the server does not tell its time", "", 0};
  return bson_iter_date_time(&iter);
}

Result<DatabaseSize> ServerProbe::size(const std::string& db) {
  BsonDoc command;
  BSON_APPEND_INT32(command.get(), "dbStats", 1);
  BsonDoc reply;
  auto server = session_.run_on_primary(db, command, ErrorPlace::kCommand, fmt::format("size of {}", db), &reply);
  if (!server) return server.error();
  DatabaseSize size;
  size.bytes = static_cast<std::uint64_t>(count_in(reply, "dataSize") + count_in(reply, "indexSize"));
  size.collections = static_cast<std::uint64_t>(count_in(reply, "collections"));
  return size;
}

// Such a tier takes getParameter in two forms only, and refuses this one with a code of its own; anything else that is
// refused is a matter of rights.
Result<bool> ServerProbe::is_shared_tier() {
  BsonDoc command;
  BSON_APPEND_INT32(command.get(), "getParameter", 1);
  BSON_APPEND_INT32(command.get(), "featureCompatibilityVersion", 1);
  BsonDoc reply;
  auto server = session_.run_on_primary("admin", command, ErrorPlace::kCommand, "getParameter", &reply);
  if (server) return false;
  if (server.error().kind == ErrorKind::kConnectivity) return server.error();
  return server.error().code == kCodeAtlas;
}

}  // namespace dualsync
