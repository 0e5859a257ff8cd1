#include "dualsync/embed/many_documents.h"

#include <memory>
#include <string>

#include "dualsync/middleware/filter_ids.h"

namespace dualsync {
namespace {

constexpr std::int64_t kDocumentsMax = 10'000;
constexpr std::size_t kBytesMax = 4U << 20U;  // of the ids; a command has 16 MiB, and the selector is part of it

struct CursorDestroy {
  void operator()(mongoc_cursor_t* cursor) const { mongoc_cursor_destroy(cursor); }
};
struct PrefsDestroy {
  void operator()(mongoc_read_prefs_t* prefs) const { mongoc_read_prefs_destroy(prefs); }
};

bool asks(const bson_t* opts, const char* name) {
  bson_iter_t field;
  return opts != nullptr && bson_iter_init_find(&field, opts, name) && bson_iter_as_bool(&field);
}

// What decides which documents a command finds.
void read_options(const bson_t* opts, bson_t* find) {
  bson_t projection;
  BSON_APPEND_DOCUMENT_BEGIN(find, "projection", &projection);
  BSON_APPEND_INT32(&projection, "_id", 1);
  bson_append_document_end(find, &projection);
  BSON_APPEND_INT64(find, "limit", kDocumentsMax + 1);
  if (opts == nullptr) return;
  for (const char* name : {"sessionId", "collation", "hint", "let"}) {
    bson_iter_t field;
    if (bson_iter_init_find(&field, opts, name)) bson_append_iter(find, name, -1, &field);
  }
}

// Appends the ids as an array; false: too many, or they could not be read.
bool read_ids(mongoc_cursor_t* cursor, bson_t* ids) {
  const bson_t* document = nullptr;
  std::int64_t count = 0;
  while (mongoc_cursor_next(cursor, &document)) {
    bson_iter_t id;
    if (++count > kDocumentsMax || ids->len > kBytesMax || !bson_iter_init_find(&id, document, "_id")) return false;
    bson_append_iter(ids, std::to_string(count - 1).c_str(), -1, &id);
  }
  return count > 0 && !mongoc_cursor_error(cursor, nullptr);
}

// {...selector, _id: {$in: ids}}; a selector that asks something of `_id` stands beside it in an $and.
void append_narrowed(const bson_t& selector, const bson_t& ids, bson_t* narrow) {
  BsonDoc in;
  BSON_APPEND_ARRAY(in.get(), "$in", &ids);
  bson_iter_t field;
  if (!bson_iter_init_find(&field, &selector, "_id")) {
    bson_concat(narrow, &selector);
    BSON_APPEND_DOCUMENT(narrow, "_id", in.get());
    return;
  }
  BsonDoc among;
  BSON_APPEND_DOCUMENT(among.get(), "_id", in.get());
  bson_t both;
  BSON_APPEND_ARRAY_BEGIN(narrow, "$and", &both);
  BSON_APPEND_DOCUMENT(&both, "0", &selector);
  BSON_APPEND_DOCUMENT(&both, "1", among.get());
  bson_append_array_end(narrow, &both);
}

}  // namespace

NarrowedSelector::NarrowedSelector(mongoc_collection_t* collection, const bson_t* selector, const bson_t* opts,
                                   bool wanted)
    : selector_(selector) {
  // What an upsert inserts comes from the selector, which therefore stays.
  if (!wanted || asks(opts, "upsert") || ids_of_filter(bytes_of(*selector), false)) return;
  BsonDoc find;
  read_options(opts, find.get());
  const std::unique_ptr<mongoc_read_prefs_t, PrefsDestroy> primary(mongoc_read_prefs_new(MONGOC_READ_PRIMARY));
  const std::unique_ptr<mongoc_cursor_t, CursorDestroy> cursor(
      mongoc_collection_find_with_opts(collection, selector, find.get(), primary.get()));
  BsonDoc ids;
  if (!read_ids(cursor.get(), ids.get())) return;
  append_narrowed(*selector, *ids.get(), narrow_.get());
  narrowed_ = true;
}

}  // namespace dualsync
