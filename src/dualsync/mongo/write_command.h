// Builds the insert, update and delete commands that carry a batch of WriteItems.
//
// Shape    insert   documents: the payloads
//          replace  updates: [{q: key, u: payload, upsert: true}]
//          delta    updates: [{q: key and {path: {$exists: true}} for each path set, u: {$set, $unset}}]
//          delete   deletes: [{q: key, limit: 1}]
//          A key that holds text is compared byte by byte (collation: simple), whatever the collection's collation: a
//          delete of `a` that comes late must not take the new `A` along. Where the two are the same, it costs nothing;
//          where not, the server looks through the collection. Commands are unordered, unless told otherwise: an item
//          that fails does not stop the others.
// Units    a command holds at most 100,000 items (the server's maxWriteBatchSize) and about `bytes_max` of them; a
//          larger single item goes alone, and the server allows a command 16 KiB more than a document.
// Threads  pure functions
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "dualsync/base/result.h"
#include "dualsync/codec/bson.h"
#include "dualsync/ports/document_store.h"

namespace dualsync {

struct WriteFlags {
  bool bypass_validation = false;
  bool keep_zero_timestamps = false;  // bypassEmptyTsReplacement
};

struct WriteBuild {
  WriteItem::Kind kind = WriteItem::Kind::kReplace;
  const std::string* collection = nullptr;
  std::span<const WriteItem> items;
  std::span<const std::size_t> chosen;  // places in `items`, all of the same kind
  std::size_t bytes_max = 0;
  WriteFlags flags;
  bool ordered = false;  // the first item that fails stops the others
};

// Returns how many of `chosen`, from the first on, are in the command: at least one.
// kInvalidArgument: a key or a payload that is not what its kind needs.
Result<std::size_t> build_write(const WriteBuild& build, BsonDoc* command);

// An update command that sets every top-level Timestamp(0,0) of the chosen whole documents, each of which has one.
Result<void> build_zero_timestamps(const std::string& collection, std::span<const WriteItem> items,
                                   std::span<const std::size_t> chosen, bool bypass_validation, BsonDoc* command);

// A delete command for everything that holds all fields of one of `keys`. Returns how many of them, from the first on,
// are in it: at least one.
Result<std::size_t> build_remove_all(const std::string& collection, std::span<const std::string_view> keys,
                                     std::size_t bytes_max, BsonDoc* command);

// A write that finds nothing to change, wherever it goes.
void build_no_change(const std::string& collection, BsonDoc* command);

// True if a top-level field other than `_id` is Timestamp(0, 0), which servers replace by their own time on insert and
// replace unless told not to.
bool has_zero_timestamp(std::string_view document);

// True if the delta sets or removes anything at all.
bool delta_changes_something(std::string_view update_description);

}  // namespace dualsync
