#include "dualsync/mongo/canary_writer.h"

#include "dualsync/model/scope.h"

namespace dualsync {

Result<OpTime> CanaryWriter::write(std::int64_t count, std::int64_t now_ms) {
  BsonDoc command;
  BSON_APPEND_UTF8(command.get(), "update", std::string(kCanaryCollection).c_str());
  bson_t updates;
  bson_t one;
  bson_t part;
  bson_append_array_begin(command.get(), "updates", -1, &updates);
  bson_append_document_begin(&updates, "0", -1, &one);
  bson_append_document_begin(&one, "q", -1, &part);
  BSON_APPEND_UTF8(&part, "_id", installation_.c_str());
  bson_append_document_end(&one, &part);
  bson_append_document_begin(&one, "u", -1, &part);
  BSON_APPEND_UTF8(&part, "_id", installation_.c_str());
  BSON_APPEND_INT64(&part, "count", count);
  BSON_APPEND_DATE_TIME(&part, "at", now_ms);
  bson_append_document_end(&one, &part);
  BSON_APPEND_BOOL(&one, "upsert", true);
  bson_append_document_end(&updates, &one);
  bson_append_array_end(command.get(), &updates);
  BsonDoc reply;
  DUALSYNC_TRY(session_.write(std::string(kMetadataDatabase), &command, "write the canary", &reply));
  return operation_time_of(*reply.get());
}

}  // namespace dualsync
