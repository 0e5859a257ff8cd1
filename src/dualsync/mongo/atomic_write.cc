// MongoBackupWriter: all or nothing, and what stands in the way.
#include <fmt/format.h>

#include <algorithm>

#include "dualsync/codec/document_key.h"
#include "dualsync/mongo/backup_writer.h"
#include "dualsync/mongo/command_cursor.h"
#include "dualsync/mongo/mongo_error.h"
#include "dualsync/mongo/write_reply.h"

namespace dualsync {
namespace {

constexpr std::int32_t kFoundMax = 16;

bool all_ok(const std::vector<WriteOutcome>& outcomes) {
  return std::all_of(outcomes.begin(), outcomes.end(), [](const WriteOutcome& outcome) { return outcome.ok; });
}

// Somebody else wrote one of the documents meanwhile: the link is fine.
Error conflict_or(Error error) {
  if (error.code == kCodeWriteConflict) error.kind = ErrorKind::kConflict;
  return error;
}

}  // namespace

Result<std::vector<WriteOutcome>> MongoBackupWriter::write_all_or_nothing(const Namespace& ns,
                                                                          std::span<const WriteItem> items) {
  DUALSYNC_TRY(learn_server());
  std::vector<WriteOutcome> outcomes(items.size());
  const Call call{ns, items, outcomes};
  auto transaction = session_->begin();
  if (!transaction.ok()) return transaction.error();
  for (const WriteItem::Kind kind : {WriteItem::Kind::kDelete, WriteItem::Kind::kInsert}) {
    const Result<void> sent = write_in(&*transaction, call, kind);
    if (!sent.ok()) {
      session_->roll_back(*transaction);
      return sent.error();
    }
    if (all_ok(outcomes)) continue;
    session_->roll_back(*transaction);
    return outcomes;
  }
  DUALSYNC_TRY(session_->commit(*transaction));
  DUALSYNC_TRY(restore_zero_timestamps(call));
  return outcomes;
}

Result<void> MongoBackupWriter::write_in(ClientSession::Transaction* transaction, const Call& call,
                                         WriteItem::Kind kind) {
  std::vector<std::size_t> places;
  for (std::size_t place = 0; place < call.items.size(); ++place) {
    if (call.items[place].kind == kind) places.push_back(place);
  }
  std::span<const std::size_t> left = places;
  const std::string what = fmt::format("settle a collision in {}", call.ns.full());
  while (!left.empty() && all_ok(call.outcomes)) {
    BsonDoc command;
    WriteFlags flags;
    flags.bypass_validation = bypass_validation_ && kind != WriteItem::Kind::kDelete;
    const auto fits = build_write({kind, &call.ns.collection, call.items, left, bytes_max_, flags}, &command);
    if (!fits.ok()) return fits.error();
    BsonDoc reply;
    const Result<void> sent = session_->write_in(transaction, call.ns.db, &command, what, &reply);
    bytes_sent_ += command.bytes().size();
    if (!sent.ok() && sent.error().kind == ErrorKind::kDuplicateKey) {
      call.outcomes[left.front()] = refused_outcome(*reply.get(), what);
      return {};
    }
    if (!sent.ok()) return conflict_or(sent.error());
    apply_write_errors(*reply.get(), left.first(*fits), what, &call.outcomes);
    left = left.subspan(*fits);
  }
  return {};
}

Result<std::vector<std::string>> MongoBackupWriter::find_equal(const Namespace& ns, std::string_view fields) {
  BsonDoc command;
  BSON_APPEND_UTF8(command.get(), "find", ns.collection.c_str());
  bson_t filter;
  bson_t child;
  BSON_APPEND_DOCUMENT_BEGIN(command.get(), "filter", &filter);
  bson_iter_t field;
  if (!iterate_bson(fields, &field)) return Error{ErrorKind::kInvalidArgument, "values that are not BSON", "", 0};
  while (bson_iter_next(&field)) {
    bson_append_document_begin(&filter, bson_iter_key(&field), -1, &child);
    bson_append_iter(&child, "$eq", -1, &field);
    bson_append_document_end(&filter, &child);
  }
  bson_append_document_end(command.get(), &filter);
  BSON_APPEND_DOCUMENT_BEGIN(command.get(), "projection", &child);
  BSON_APPEND_INT32(&child, "_id", 1);
  bson_append_document_end(command.get(), &child);
  BSON_APPEND_INT32(command.get(), "limit", kFoundMax);
  CommandCursor cursor(session_, ns.db, fmt::format("find what collides in {}", ns.full()));
  DUALSYNC_TRY(cursor.start(command, 0));
  std::vector<std::string> keys;
  while (true) {
    auto document = cursor.next();
    if (!document.ok()) return document.error();
    if (document->empty()) return keys;
    keys.push_back(id_key_of(*document));
  }
}

}  // namespace dualsync
