#include "dualsync/mongo/storage_probe.h"

#include <fmt/format.h>

namespace dualsync {
namespace {

// A number at a dotted path; nothing if there is none or it is negative.
std::optional<double> number_at(const BsonDoc& reply, const char* path) {
  bson_iter_t iter;
  bson_iter_t found;
  if (!bson_iter_init(&iter, reply.get()) || !bson_iter_find_descendant(&iter, path, &found)) return std::nullopt;
  if (!BSON_ITER_HOLDS_NUMBER(&found)) return std::nullopt;
  const double value = bson_iter_as_double(&found);
  return value >= 0 ? std::optional<double>(value) : std::nullopt;
}

}  // namespace

Result<std::optional<std::uint64_t>> MongoStorageProbe::free_bytes() {
  BsonDoc command;
  BSON_APPEND_INT32(command.get(), "dbStats", 1);
  BsonDoc reply;
  // Of a database that may be empty: the figures of the file system are those of the server.
  auto server = session_.run_on_primary("admin", command, ErrorPlace::kCommand, "dbStats", &reply);
  if (!server && server.error().kind == ErrorKind::kConnectivity) return server.error();
  if (!server) return std::optional<std::uint64_t>();
  const auto total = number_at(reply, "fsTotalSize");
  const auto used = number_at(reply, "fsUsedSize");
  if (!total || !used || *total <= 0 || *used > *total) return std::optional<std::uint64_t>();
  return std::optional<std::uint64_t>(static_cast<std::uint64_t>(*total - *used));
}

Result<std::optional<std::uint64_t>> MongoStorageProbe::stored_bytes(const Namespace& ns) {
  BsonDoc command;
  BSON_APPEND_UTF8(command.get(), "aggregate", ns.collection.c_str());
  bson_t pipeline;
  bson_t stage;
  bson_t stats;
  bson_t part;
  bson_append_array_begin(command.get(), "pipeline", -1, &pipeline);
  bson_append_document_begin(&pipeline, "0", -1, &stage);
  bson_append_document_begin(&stage, "$collStats", -1, &stats);
  bson_append_document_begin(&stats, "storageStats", -1, &part);
  bson_append_document_end(&stats, &part);
  bson_append_document_end(&stage, &stats);
  bson_append_document_end(&pipeline, &stage);
  bson_append_array_end(command.get(), &pipeline);
  bson_t cursor;
  bson_append_document_begin(command.get(), "cursor", -1, &cursor);
  bson_append_document_end(command.get(), &cursor);
  BsonDoc reply;
  auto server =
      session_.run_on_primary(ns.db, command, ErrorPlace::kCommand, fmt::format("size of {}", ns.full()), &reply);
  if (!server && server.error().kind == ErrorKind::kConnectivity) return server.error();
  if (!server) return std::optional<std::uint64_t>();
  // One entry for each shard; a sharded server's sum is not known from the first alone.
  bson_iter_t iter;
  bson_iter_t second;
  const bool sharded =
      bson_iter_init(&iter, reply.get()) && bson_iter_find_descendant(&iter, "cursor.firstBatch.1", &second);
  const auto documents = number_at(reply, "cursor.firstBatch.0.storageStats.size");
  const auto indexes = number_at(reply, "cursor.firstBatch.0.storageStats.totalIndexSize");
  if (sharded || !documents) return std::optional<std::uint64_t>();
  return std::optional<std::uint64_t>(static_cast<std::uint64_t>(*documents + indexes.value_or(0)));
}

}  // namespace dualsync
