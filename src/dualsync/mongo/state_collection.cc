#include "dualsync/mongo/state_collection.h"

#include <optional>

#include "dualsync/model/scope.h"
#include "dualsync/mongo/command_cursor.h"

namespace dualsync {
namespace {

constexpr std::string_view kStateCollection = "state";

// The first of `writeErrors`; nothing if there is none.
std::optional<Error> first_write_error(const BsonDoc& reply, std::string_view what) {
  bson_iter_t list;
  bson_iter_t entry;
  if (!find_field(reply.bytes(), "writeErrors", &list) || !bson_iter_recurse(&list, &entry) || !bson_iter_next(&entry))
    return std::nullopt;
  const std::string_view document = iter_document(entry).value_or(std::string_view());
  return make_write_error(static_cast<int>(number_of(document, "code")), text_of(document, "errmsg"), what);
}

}  // namespace

StateCollection::StateCollection(std::shared_ptr<ClientPool> pool, const std::string& database)
    : session_(std::move(pool)) {
  places_.push_back({std::string(kMetadataDatabase), std::string(kStateCollection)});
  if (!database.empty()) places_.push_back({database, std::string(kMetadataCollection)});
}

template <typename T>
Result<T> StateCollection::at_allowed_place(const std::function<Result<T>(const Namespace&)>& call) {
  for (;;) {
    Result<T> result = call(places_[place_]);
    if (result || result.error().kind != ErrorKind::kDenied || place_ + 1 == places_.size()) return result;
    ++place_;
  }
}

Result<std::string> StateCollection::find(const std::string& id) {
  return at_allowed_place<std::string>([&](const Namespace& ns) -> Result<std::string> {
    BsonDoc command;
    append_text(command.get(), "find", ns.collection);
    bson_t filter;
    bson_append_document_begin(command.get(), "filter", -1, &filter);
    append_text(&filter, "_id", id);
    bson_append_document_end(command.get(), &filter);
    BSON_APPEND_INT32(command.get(), "limit", 1);
    BSON_APPEND_BOOL(command.get(), "singleBatch", true);
    append_majority_read_concern(&command, OpTime{});
    BsonDoc reply;
    auto server = session_.run_on_primary(ns.db, command, ErrorPlace::kCommand, "read " + ns.full(), &reply);
    if (!server) return server.error();
    bson_iter_t iter;
    bson_iter_t batch;
    bson_iter_t entry;
    if (!bson_iter_init(&iter, reply.get()) || !bson_iter_find_descendant(&iter, "cursor.firstBatch", &batch) ||
        !bson_iter_recurse(&batch, &entry) || !bson_iter_next(&entry))
      return std::string();
    return std::string(iter_document(entry).value_or(std::string_view()));
  });
}

Result<bool> StateCollection::update(std::string_view query, std::string_view document, bool upsert,
                                     std::string_view what) {
  return at_allowed_place<bool>([&](const Namespace& ns) -> Result<bool> {
    BsonDoc command;
    append_text(command.get(), "update", ns.collection);
    bson_t updates;
    bson_t one;
    bson_append_array_begin(command.get(), "updates", -1, &updates);
    bson_append_document_begin(&updates, "0", -1, &one);
    append_document(&one, "q", query);
    append_document(&one, "u", document);
    BSON_APPEND_BOOL(&one, "upsert", upsert);
    bson_append_document_end(&updates, &one);
    bson_append_array_end(command.get(), &updates);
    BsonDoc reply;
    DUALSYNC_TRY(session_.write(ns.db, &command, what, &reply));
    if (auto refused = first_write_error(reply, what)) return *refused;
    return number_of(reply.bytes(), "n") > 0;
  });
}

Result<bool> StateCollection::insert(std::string_view document, std::string_view what) {
  return at_allowed_place<bool>([&](const Namespace& ns) -> Result<bool> {
    BsonDoc command;
    append_text(command.get(), "insert", ns.collection);
    bson_t documents;
    bson_append_array_begin(command.get(), "documents", -1, &documents);
    append_document(&documents, "0", document);
    bson_append_array_end(command.get(), &documents);
    BsonDoc reply;
    DUALSYNC_TRY(session_.write(ns.db, &command, what, &reply));
    const auto refused = first_write_error(reply, what);
    if (refused && refused->kind == ErrorKind::kDuplicateKey) return false;
    if (refused) return *refused;
    return true;
  });
}

}  // namespace dualsync
