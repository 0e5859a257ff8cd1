// Dead letters <-> BSON.
#include "dualsync/codec/bson.h"
#include "dualsync/codec/operation_codec.h"
#include "dualsync/queue/queue_impl.h"

namespace dualsync {

std::string encode_dead_letter(const OperationView& op, const Error& error, std::int64_t now_ms,
                               std::string_view record) {
  BsonDoc doc;
  const std::string reason = error.message.substr(0, 2048);
  bson_append_utf8(doc.get(), "reason", -1, reason.c_str(), static_cast<int>(reason.size()));
  bson_append_int32(doc.get(), "code", -1, error.code);
  bson_append_int32(doc.get(), "attempts", -1, static_cast<std::int32_t>(op.attempts));
  bson_append_int64(doc.get(), "firstMs", -1, op.enqueued_ms);
  bson_append_int64(doc.get(), "lastMs", -1, now_ms);
  bson_append_binary(doc.get(), "record", -1, BSON_SUBTYPE_BINARY, reinterpret_cast<const std::uint8_t*>(record.data()),
                     static_cast<std::uint32_t>(record.size()));
  return doc.str();
}

Result<DeadLetter> decode_dead_letter(SeqNo seq, std::string_view bytes) {
  bson_iter_t iter;
  if (!iterate_bson(bytes, &iter)) return Error{ErrorKind::kCorruption, "queue: damaged dead letter", "", 0};
  DeadLetter letter;
  letter.seq = seq;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "reason") letter.reason = iter_string(iter).value_or("");
    if (name == "code") letter.code = static_cast<int>(bson_iter_as_int64(&iter));
    if (name == "attempts") letter.attempts = static_cast<std::uint32_t>(bson_iter_as_int64(&iter));
    if (name == "firstMs") letter.first_ms = bson_iter_as_int64(&iter);
    if (name == "lastMs") letter.last_ms = bson_iter_as_int64(&iter);
    if (name == "record") {
      auto op = decode_operation(iter_binary(iter).value_or(""));
      if (!op) return op.error().in("dead letter");
      letter.kind = op->kind;
      letter.ns = op->ns();
      letter.document_key = op->document_key;
      bson_iter_t change;
      if (op->kind == OpKind::kDdl && find_field(op->payload, "operationType", &change))
        letter.change = iter_string(change).value_or("");
    }
  }
  return letter;
}

}  // namespace dualsync
