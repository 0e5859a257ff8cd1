// Position and dirty ranges <-> BSON in `meta`.
#include "dualsync/codec/bson.h"
#include "dualsync/queue/queue_impl.h"

namespace dualsync {
namespace {

void append_bytes(BsonDoc* doc, const char* name, std::string_view bytes) {
  bson_append_binary(doc->get(), name, -1, BSON_SUBTYPE_BINARY, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                     static_cast<std::uint32_t>(bytes.size()));
}

OpTime time_at(const bson_iter_t& iter) {
  OpTime time;
  bson_iter_timestamp(&iter, &time.t, &time.i);
  return time;
}

Error damaged(std::string_view what) { return {ErrorKind::kCorruption, "queue: damaged " + std::string(what), "", 0}; }

}  // namespace

std::string encode_position(const Position& position) {
  BsonDoc doc;
  append_bytes(&doc, "token", position.token);
  bson_append_timestamp(doc.get(), "time", -1, position.time.t, position.time.i);
  bson_append_bool(doc.get(), "afterInvalidate", -1, position.after_invalidate);
  bson_append_utf8(doc.get(), "replicaSet", -1, position.replica_set.c_str(),
                   static_cast<int>(position.replica_set.size()));
  return doc.str();
}

Result<Position> decode_position(std::string_view bytes) {
  bson_iter_t iter;
  if (!iterate_bson(bytes, &iter)) return damaged("position");
  Position position;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "token") position.token = iter_binary(iter).value_or("");
    if (name == "time" && BSON_ITER_HOLDS_TIMESTAMP(&iter)) position.time = time_at(iter);
    if (name == "afterInvalidate" && BSON_ITER_HOLDS_BOOL(&iter)) position.after_invalidate = bson_iter_bool(&iter);
    if (name == "replicaSet") position.replica_set = iter_string(iter).value_or("");
  }
  return position;
}

std::string encode_dirty(const DirtyRange& range) {
  BsonDoc doc;
  bson_append_utf8(doc.get(), "reason", -1, range.reason.c_str(), static_cast<int>(range.reason.size()));
  bson_append_timestamp(doc.get(), "gapStart", -1, range.gap_start.t, range.gap_start.i);
  bson_append_bool(doc.get(), "firstCopy", -1, range.first_copy);
  append_bytes(&doc, "progress", range.progress);
  if (range.after_seq != 0) bson_append_int64(doc.get(), "afterSeq", -1, static_cast<std::int64_t>(range.after_seq));
  if (range.requested) bson_append_bool(doc.get(), "requested", -1, true);
  if (range.keep_extra) bson_append_bool(doc.get(), "keepExtra", -1, true);
  if (range.other_collection) bson_append_bool(doc.get(), "otherCollection", -1, true);
  return doc.str();
}

Result<DirtyRange> decode_dirty(std::string_view name, std::string_view bytes) {
  bson_iter_t iter;
  if (!iterate_bson(bytes, &iter)) return damaged("dirty range");
  DirtyRange range;
  range.ns = Namespace::parse(name);
  while (bson_iter_next(&iter)) {
    const std::string_view field = bson_iter_key(&iter);
    if (field == "reason") range.reason = iter_string(iter).value_or("");
    if (field == "gapStart" && BSON_ITER_HOLDS_TIMESTAMP(&iter)) range.gap_start = time_at(iter);
    if (field == "firstCopy" && BSON_ITER_HOLDS_BOOL(&iter)) range.first_copy = bson_iter_bool(&iter);
    if (field == "progress") range.progress = iter_binary(iter).value_or("");
    if (field == "requested" && BSON_ITER_HOLDS_BOOL(&iter)) range.requested = bson_iter_bool(&iter);
    if (field == "keepExtra" && BSON_ITER_HOLDS_BOOL(&iter)) range.keep_extra = bson_iter_bool(&iter);
    if (field == "otherCollection" && BSON_ITER_HOLDS_BOOL(&iter)) range.other_collection = bson_iter_bool(&iter);
    if (field == "afterSeq") range.after_seq = static_cast<SeqNo>(bson_iter_as_int64(&iter));
  }
  return range;
}

}  // namespace dualsync
