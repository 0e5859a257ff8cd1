// Operation <-> the JSON form of a queue, as `dualsync queue export` writes it.
//
// Shape    docs/formats/queue.md. `data`, `filter` and `documentId` are canonical Extended JSON; a document that has no
//          exact JSON form (a name like $oid, text that is not UTF-8) comes as `dataBson`/`filterBson`: its BSON bytes
//          as
//          {"$binary": ...}
// Errors   kInvalidArgument: names the field and what is wrong with it
// Threads  pure functions
#pragma once

#include <string>
#include <string_view>

#include "dualsync/base/result.h"
#include "dualsync/model/operation.h"

namespace dualsync {

// One entry of `operations`. kInvalidArgument: a namespace that is no text.
Result<std::string> operation_to_json(SeqNo seq, const OperationView& op, std::uint32_t retries_max);

struct JsonRules {
  std::string default_database;  // of a `collection` that names none; empty: that is an error
  bool as_recorded = false;      // content is checked to be what its type needs; else only to be Extended JSON
};

// An entry that was read. Times are null where the entry has none.
struct JsonOperation {
  std::string id;
  OperationView op;  // views into the strings below
  std::string db;
  std::string collection;
  std::string document_key;
  std::string payload;

  JsonOperation() = default;
  JsonOperation(const JsonOperation&) = delete;
  JsonOperation& operator=(const JsonOperation&) = delete;
};

Result<void> operation_from_json(std::string_view entry, const JsonRules& rules, JsonOperation* out);

}  // namespace dualsync
