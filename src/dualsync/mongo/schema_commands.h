// The commands that build the backup's schema, from what local says of its own.
//
// Shape    input: options as listCollections or a create event gives them, index definitions as listIndexes does, and
//          the operationDescription of a modify event. What a mirror must not have is left out: whatever deletes by its
//          own clock or evicts (TTL, capped), and what only the server that wrote it understands (uuid, ns,
//          storageEngine).
// Threads  pure functions
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dualsync/base/result.h"
#include "dualsync/codec/bson.h"

namespace dualsync {

// Whether what is built must not delete by its own clock or evict (a mirror), or be as local's was (a restored one).
enum class SchemaForm : std::uint8_t { kMirror, kTrue };

// {create: collection, ...}. kInvalidArgument: `options` is no BSON (empty stands for none).
Result<void> build_create(const std::string& collection, std::string_view options, BsonDoc* command,
                          SchemaForm form = SchemaForm::kMirror);

// {createIndexes: collection, indexes: [...]}. Returns false for the index on `_id`, which every collection has.
Result<bool> build_create_index(const std::string& collection, std::string_view definition, BsonDoc* command,
                                SchemaForm form = SchemaForm::kMirror);

// {collMod: collection, ...}. Returns false if nothing is left to change.
Result<bool> build_modify(const std::string& collection, std::string_view changes, BsonDoc* command,
                          SchemaForm form = SchemaForm::kMirror);

}  // namespace dualsync
