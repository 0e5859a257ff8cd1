// The one table from a server's code and labels to our ErrorKind. Never by message.
//
// Order    the row of the exact place wins over the row of any place; a row wins over a label of the reply
// Errors   a code that the table does not know is kRefused: the server answered, so the link is fine
#pragma once

#include <bson/bson.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dualsync/base/result.h"

namespace dualsync {

// Where an error came from, because the same code asks for different reactions.
enum class ErrorPlace : std::uint8_t {
  kAny,            // only in the table
  kCommand,        // reads, schema commands, handshake
  kDocumentWrite,  // insert, update, delete of documents
  kChangeStream,   // aggregate and getMore of the change stream
};

struct ErrorRow {
  int code;
  ErrorPlace place;
  ErrorKind kind;
  std::string_view name;  // as the server's error_codes.yml has it
};

// Codes that callers in this folder react to by themselves.
inline constexpr int kCodeOk = 0;
inline constexpr int kCodeBadValue = 2;
inline constexpr int kCodeUnauthorized = 13;
inline constexpr int kCodeNamespaceNotFound = 26;
inline constexpr int kCodeNamespaceExists = 48;
inline constexpr int kCodeWriteConflict = 112;
inline constexpr int kCodeViewNotSupported = 166;
inline constexpr int kCodeNoQueryExecutionPlans = 291;
inline constexpr int kCodeObjectTooLarge = 10334;
inline constexpr int kCodeUnknownField = 40415;
inline constexpr int kCodeDuplicateKey = 11000;

std::span<const ErrorRow> error_table();
ErrorKind classify(int code, ErrorPlace place);

// From a failed libmongoc call. `reply` may be null; `what` says what we were doing, on what.
Error make_error(const bson_error_t& error, const bson_t* reply, ErrorPlace place, std::string_view what);

// From one entry of `writeErrors`. The server's text is cut where a document's content could begin.
Error make_write_error(int code, std::string_view server_message, std::string_view what);

// The `writeConcernError` of a reply, if it holds one: the primary has done it, the majority may not have. Never
// kRefused: it says nothing against the content.
std::optional<Error> write_concern_error(const bson_t& reply, std::string_view what);

}  // namespace dualsync
