// ObservedWrite: what a write command may change, read from the command before it runs, and from the server's reply
// what it did change.
//
// Shape    insert, update, delete, findAndModify, bulkWrite, and what changes collections as a whole: drop,
//          dropDatabase, renameCollection, convertToCapped, mapReduce and aggregate with an output
// Threads  plain values, pure functions
// Errors   none: what cannot be understood is a range
// Source   MongoDB's manual, "Database Commands"
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/model/reported.h"

namespace dualsync {

struct TransactionRef {
  std::string session;  // lsid, as sent
  std::int64_t number = 0;

  bool operator==(const TransactionRef&) const = default;
};

struct ObservedWrite {
  enum class Kind : std::uint8_t { kInsert, kUpdate, kDelete, kFindAndModify, kBulk, kWhole };

  struct Statement {
    std::uint32_t ns = 0;  // of namespaces
    bool known = true;     // its keys are among `keys`; else it may touch any document
    bool multi = false;    // it may have changed some documents before it failed
  };
  struct Key {
    std::uint32_t statement = 0;
    std::string document_key;  // BSON {_id: ...}
  };

  Kind kind = Kind::kWhole;
  bool ordered = true;
  bool acknowledged = true;
  bool shows_id = true;  // findAndModify: the document in the reply has its own `_id`
  std::optional<TransactionRef> transaction;
  std::vector<Namespace> namespaces;
  std::vector<Statement> statements;
  std::vector<Key> keys;  // by statement
};

// The server's transaction ends.
struct ObservedEnd {
  TransactionRef transaction;
  bool commit = false;
};

// Nothing if the command writes no documents.
std::optional<ObservedWrite> observe_write(std::string_view command_name, std::string_view database,
                                           std::string_view command);
std::optional<ObservedEnd> observe_end(std::string_view command_name, std::string_view command);

// What the write changed, as its reply tells; empty: nothing.
ReportedChanges changes_of(const ObservedWrite& write, std::string_view reply);

// What it may have changed, if no reply tells.
ReportedChanges possible_changes_of(const ObservedWrite& write);

}  // namespace dualsync
