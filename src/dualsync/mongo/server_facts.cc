#include "dualsync/mongo/server_facts.h"

#include <array>

#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

void read_version(const bson_t& build_info, ServerFacts* facts) {
  bson_iter_t iter;
  if (bson_iter_init_find(&iter, &build_info, "version")) facts->version = iter_string(iter).value_or("");
  bson_iter_t numbers;
  if (!bson_iter_init_find(&iter, &build_info, "versionArray") || !bson_iter_recurse(&iter, &numbers)) return;
  const std::array<int*, 3> parts = {&facts->major, &facts->minor, &facts->patch};
  for (int* part : parts) {
    if (!bson_iter_next(&numbers) || !BSON_ITER_HOLDS_INT(&numbers)) return;
    *part = static_cast<int>(bson_iter_as_int64(&numbers));
  }
}

}  // namespace

OpTime timestamp_at(const bson_t& document, const char* path) {
  bson_iter_t iter;
  bson_iter_t found;
  OpTime time;
  if (bson_iter_init(&iter, &document) && bson_iter_find_descendant(&iter, path, &found) &&
      BSON_ITER_HOLDS_TIMESTAMP(&found)) {
    bson_iter_timestamp(&found, &time.t, &time.i);
  }
  return time;
}

OpTime operation_time_of(const bson_t& reply) { return timestamp_at(reply, "operationTime"); }

ServerFacts read_server_facts(const bson_t& hello, const bson_t& build_info) {
  ServerFacts facts;
  read_version(build_info, &facts);
  bson_iter_t iter;
  if (bson_iter_init_find(&iter, &hello, "setName")) facts.set_name = iter_string(iter).value_or("");
  if (bson_iter_init_find(&iter, &hello, "msg")) facts.is_mongos = iter_string(iter).value_or("") == "isdbgrid";
  if (bson_iter_init_find(&iter, &hello, "maxBsonObjectSize") && BSON_ITER_HOLDS_NUMBER(&iter)) {
    facts.max_bson_size = bson_iter_as_int64(&iter);
  }
  facts.sorts_bounded_scans = !bson_has_field(&build_info, "secantusVersion");
  facts.lasting_set_id = facts.sorts_bounded_scans;
  facts.operation_time = operation_time_of(hello);
  if (facts.operation_time.is_null()) facts.operation_time = timestamp_at(hello, "lastWrite.opTime.ts");
  return facts;
}

}  // namespace dualsync
