#include "dualsync/mongo/command_cursor.h"

#include <fmt/format.h>

#include <algorithm>

#include "dualsync/model/namespace.h"

namespace dualsync {

void append_majority_read_concern(BsonDoc* command, OpTime after) {
  bson_t concern;
  bson_append_document_begin(command->get(), "readConcern", -1, &concern);
  BSON_APPEND_UTF8(&concern, "level", "majority");
  if (!after.is_null()) bson_append_timestamp(&concern, "afterClusterTime", -1, after.t, after.i);
  bson_append_document_end(command->get(), &concern);
}

CommandCursor::CommandCursor(std::shared_ptr<ClientSession> session, std::string db, std::string what)
    : session_(std::move(session)), db_(std::move(db)), what_(std::move(what)) {}

CommandCursor::~CommandCursor() {
  if (cursor_id_ == 0) return;
  BsonDoc command;
  bson_append_utf8(command.get(), "killCursors", -1, collection_.c_str(), static_cast<int>(collection_.size()));
  bson_t cursors;
  bson_append_array_begin(command.get(), "cursors", -1, &cursors);
  BSON_APPEND_INT64(&cursors, "0", cursor_id_);
  bson_append_array_end(command.get(), &cursors);
  BsonDoc reply;
  ignore_error(session_->run(server_, db_, command, ErrorPlace::kCommand, what_, &reply),
               "a cursor that cannot be closed is closed by the server when its time is over");
}

Result<void> CommandCursor::start(const BsonDoc& command, std::int32_t batch_size) {
  batch_size_ = batch_size;
  auto server = session_->run_on_primary(db_, command, ErrorPlace::kCommand, what_, &reply_);
  if (!server.ok()) return server.error();
  server_ = *server;
  return load_batch("firstBatch");
}

Result<void> CommandCursor::load_batch(const char* batch_name) {
  operation_time_ = std::max(operation_time_, operation_time_of(*reply_.get()));
  in_batch_ = false;
  cursor_id_ = 0;
  bson_iter_t cursor;
  bson_iter_t field;
  if (!bson_iter_init_find(&cursor, reply_.get(), "cursor") || !bson_iter_recurse(&cursor, &field)) {
    return Error{ErrorKind::kUnsupported, fmt::format("{}: the server's answer holds no cursor", what_), "", 0};
  }
  while (bson_iter_next(&field)) {
    const std::string_view name = bson_iter_key(&field);
    if (name == "id" && BSON_ITER_HOLDS_INT(&field)) {
      cursor_id_ = bson_iter_as_int64(&field);
    } else if (name == "ns") {
      collection_ = Namespace::parse(iter_string(field).value_or("")).collection;
    } else if (name == batch_name) {
      in_batch_ = bson_iter_recurse(&field, &batch_);
    }
  }
  return {};
}

Result<void> CommandCursor::get_more() {
  BsonDoc command;
  BSON_APPEND_INT64(command.get(), "getMore", cursor_id_);
  bson_append_utf8(command.get(), "collection", -1, collection_.c_str(), static_cast<int>(collection_.size()));
  if (batch_size_ > 0) BSON_APPEND_INT32(command.get(), "batchSize", batch_size_);
  const Result<void> result = session_->run(server_, db_, command, ErrorPlace::kCommand, what_, &reply_);
  if (!result.ok()) {
    cursor_id_ = 0;  // the server has closed it, or we cannot reach it: nothing left to close
    in_batch_ = false;
    return result.error();
  }
  return load_batch("nextBatch");
}

Result<std::string_view> CommandCursor::next() {
  while (true) {
    if (in_batch_ && bson_iter_next(&batch_)) {
      const auto document = iter_document(batch_);
      if (document.has_value()) return *document;
      return Error{ErrorKind::kCorruption, fmt::format("{}: the server sent something that is no document", what_), "",
                   0};
    }
    in_batch_ = false;
    if (cursor_id_ == 0) return std::string_view();
    DUALSYNC_TRY(get_more());
  }
}

}  // namespace dualsync
