#include "dualsync/mongo/mongo_error.h"

#include <fmt/format.h>
#include <mongoc/mongoc.h>

#include <array>

#include "dualsync/base/redact.h"
#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

constexpr ErrorPlace kAny = ErrorPlace::kAny;

constexpr std::array kRows = {
    // The server cannot answer now; the next one, or the same one later, can.
    ErrorRow{6, kAny, ErrorKind::kConnectivity, "HostUnreachable"},
    ErrorRow{7, kAny, ErrorKind::kConnectivity, "HostNotFound"},
    ErrorRow{24, kAny, ErrorKind::kConnectivity, "LockTimeout"},
    ErrorRow{43, kAny, ErrorKind::kConnectivity, "CursorNotFound"},
    ErrorRow{50, kAny, ErrorKind::kConnectivity, "MaxTimeMSExpired"},
    ErrorRow{63, kAny, ErrorKind::kConnectivity, "StaleShardVersion"},
    ErrorRow{64, kAny, ErrorKind::kConnectivity, "WriteConcernFailed"},
    ErrorRow{89, kAny, ErrorKind::kConnectivity, "NetworkTimeout"},
    ErrorRow{91, kAny, ErrorKind::kConnectivity, "ShutdownInProgress"},
    ErrorRow{100, kAny, ErrorKind::kConnectivity, "UnsatisfiableWriteConcern"},
    ErrorRow{112, kAny, ErrorKind::kConnectivity, "WriteConflict"},
    ErrorRow{117, kAny, ErrorKind::kConnectivity, "ConflictingOperationInProgress"},
    ErrorRow{133, kAny, ErrorKind::kConnectivity, "FailedToSatisfyReadPreference"},
    ErrorRow{134, kAny, ErrorKind::kConnectivity, "ReadConcernMajorityNotAvailableYet"},
    ErrorRow{150, kAny, ErrorKind::kConnectivity, "StaleEpoch"},
    ErrorRow{175, kAny, ErrorKind::kConnectivity, "QueryPlanKilled"},
    ErrorRow{189, kAny, ErrorKind::kConnectivity, "PrimarySteppedDown"},
    ErrorRow{222, kAny, ErrorKind::kConnectivity, "CloseChangeStream"},
    ErrorRow{225, kAny, ErrorKind::kConnectivity, "TransactionTooOld"},
    ErrorRow{234, kAny, ErrorKind::kConnectivity, "RetryChangeStream"},
    ErrorRow{237, kAny, ErrorKind::kConnectivity, "CursorKilled"},
    ErrorRow{246, kAny, ErrorKind::kConnectivity, "SnapshotUnavailable"},
    ErrorRow{262, kAny, ErrorKind::kConnectivity, "ExceededTimeLimit"},
    ErrorRow{290, kAny, ErrorKind::kConnectivity, "TransactionExceededLifetimeLimitSeconds"},
    ErrorRow{384, kAny, ErrorKind::kConnectivity, "ConnectionError"},
    ErrorRow{9001, kAny, ErrorKind::kConnectivity, "SocketException"},
    ErrorRow{10058, kAny, ErrorKind::kConnectivity, "LegacyNotPrimary"},
    ErrorRow{10107, kAny, ErrorKind::kConnectivity, "NotWritablePrimary"},
    ErrorRow{11600, kAny, ErrorKind::kConnectivity, "InterruptedAtShutdown"},
    ErrorRow{11601, kAny, ErrorKind::kConnectivity, "Interrupted"},
    ErrorRow{11602, kAny, ErrorKind::kConnectivity, "InterruptedDueToReplStateChange"},
    ErrorRow{12586, kAny, ErrorKind::kConnectivity, "BackgroundOperationInProgressForDatabase"},
    ErrorRow{12587, kAny, ErrorKind::kConnectivity, "BackgroundOperationInProgressForNamespace"},
    ErrorRow{13388, kAny, ErrorKind::kConnectivity, "StaleConfig"},
    ErrorRow{13435, kAny, ErrorKind::kConnectivity, "NotPrimaryNoSecondaryOk"},
    ErrorRow{13436, kAny, ErrorKind::kConnectivity, "NotPrimaryOrSecondary"},
    // The server asks for less.
    ErrorRow{202, kAny, ErrorKind::kThrottled, "NetworkInterfaceExceededTimeLimit"},
    ErrorRow{429, kAny, ErrorKind::kThrottled, "TooManyRequests"},
    ErrorRow{433, kAny, ErrorKind::kThrottled, "RateLimitExceeded"},
    ErrorRow{449, kAny, ErrorKind::kThrottled, "Overloaded"},
    ErrorRow{462, kAny, ErrorKind::kThrottled, "IngressRequestRateLimitExceeded"},
    ErrorRow{16500, kAny, ErrorKind::kThrottled, "RequestRateTooLarge"},
    // Something equal is there already.
    ErrorRow{11000, kAny, ErrorKind::kDuplicateKey, "DuplicateKey"},
    ErrorRow{11001, kAny, ErrorKind::kDuplicateKey, "DuplicateKeyOnUpdate"},
    ErrorRow{12582, kAny, ErrorKind::kDuplicateKey, "DuplicateKeyOnMongos"},
    ErrorRow{48, kAny, ErrorKind::kConflict, "NamespaceExists"},
    ErrorRow{85, kAny, ErrorKind::kConflict, "IndexOptionsConflict"},
    ErrorRow{86, kAny, ErrorKind::kConflict, "IndexKeySpecsConflict"},
    // The change does not fit the backup's document: read it again.
    ErrorRow{28, ErrorPlace::kDocumentWrite, ErrorKind::kHeal, "PathNotViable"},
    ErrorRow{40, ErrorPlace::kDocumentWrite, ErrorKind::kHeal, "ConflictingUpdateOperators"},
    ErrorRow{66, ErrorPlace::kDocumentWrite, ErrorKind::kHeal, "ImmutableField"},
    // The server refuses this content.
    ErrorRow{2, kAny, ErrorKind::kRefused, "BadValue"},
    ErrorRow{9, kAny, ErrorKind::kRefused, "FailedToParse"},
    ErrorRow{15, kAny, ErrorKind::kRefused, "Overflow"},
    ErrorRow{22, kAny, ErrorKind::kRefused, "InvalidBSON"},
    ErrorRow{52, kAny, ErrorKind::kHeal, "DollarPrefixedFieldName: a replace does not take what an insert takes"},
    ErrorRow{57, kAny, ErrorKind::kRefused, "DottedFieldName"},
    ErrorRow{121, kAny, ErrorKind::kRefused, "DocumentValidationFailure"},
    ErrorRow{10334, kAny, ErrorKind::kRefused, "BSONObjectTooLarge"},
    ErrorRow{17280, kAny, ErrorKind::kRefused, "KeyTooLong"},
    // A person has to act.
    ErrorRow{13, kAny, ErrorKind::kDenied, "Unauthorized"},
    ErrorRow{18, kAny, ErrorKind::kDenied, "AuthenticationFailed"},
    ErrorRow{33, kAny, ErrorKind::kDenied, "UserNotFound"},
    ErrorRow{371, kAny, ErrorKind::kDenied, "UserWritesBlocked"},
    ErrorRow{391, kAny, ErrorKind::kDenied, "ReauthenticationRequired"},
    // 8000 is Atlas' own code for all that its proxy refuses: on a document write it is the space quota, on any other
    // command a command or an option that the tier does not offer. (A failed login comes as a client error, not as
    // 8000.)
    ErrorRow{8000, ErrorPlace::kDocumentWrite, ErrorKind::kQuota, "AtlasError"},
    ErrorRow{8000, kAny, ErrorKind::kUnsupported, "AtlasError"},
    ErrorRow{14031, kAny, ErrorKind::kQuota, "OutOfDiskSpace"},
    // Nothing there.
    ErrorRow{26, kAny, ErrorKind::kNotFound, "NamespaceNotFound"},
    ErrorRow{27, kAny, ErrorKind::kNotFound, "IndexNotFound"},
    ErrorRow{73, ErrorPlace::kDocumentWrite, ErrorKind::kRefused, "InvalidNamespace"},
    ErrorRow{73, kAny, ErrorKind::kNotFound, "InvalidNamespace"},
    // The stream cannot go on from our position.
    ErrorRow{136, ErrorPlace::kChangeStream, ErrorKind::kPositionLost, "CappedPositionLost"},
    ErrorRow{136, kAny, ErrorKind::kConnectivity, "CappedPositionLost"},
    ErrorRow{260, ErrorPlace::kChangeStream, ErrorKind::kPositionLost, "InvalidResumeToken"},
    ErrorRow{280, ErrorPlace::kChangeStream, ErrorKind::kPositionLost, "ChangeStreamFatalError"},
    ErrorRow{286, ErrorPlace::kChangeStream, ErrorKind::kPositionLost, "ChangeStreamHistoryLost"},
    ErrorRow{40647, ErrorPlace::kChangeStream, ErrorKind::kPositionLost, "ResumeTokenNotAString"},
    ErrorRow{40649, ErrorPlace::kChangeStream, ErrorKind::kPositionLost, "ResumeTokenNotHex"},
    ErrorRow{50811, ErrorPlace::kChangeStream, ErrorKind::kPositionLost, "ResumeTokenMalformed"},
    // A permanent condition of this server.
    ErrorRow{20, kAny, ErrorKind::kUnsupported, "IllegalOperation"},
    ErrorRow{59, kAny, ErrorKind::kUnsupported, "CommandNotFound"},
    ErrorRow{115, kAny, ErrorKind::kUnsupported, "CommandNotSupported"},
    ErrorRow{123, kAny, ErrorKind::kUnsupported, "NotAReplicaSet"},
    ErrorRow{166, kAny, ErrorKind::kUnsupported, "CommandNotSupportedOnView"},
    ErrorRow{238, kAny, ErrorKind::kUnsupported, "NotImplemented"},
    ErrorRow{40324, kAny, ErrorKind::kUnsupported, "UnrecognizedPipelineStage"},
    ErrorRow{40415, kAny, ErrorKind::kUnsupported, "UnknownField"},
    ErrorRow{40573, kAny, ErrorKind::kUnsupported, "ChangeStreamNotOnReplicaSet"},
};

const ErrorRow* find_row(int code, ErrorPlace place) {
  const ErrorRow* any = nullptr;
  for (const ErrorRow& row : kRows) {
    if (row.code != code) continue;
    if (row.place == place) return &row;
    if (row.place == kAny) any = &row;
  }
  return any;
}

std::string_view hint_of(ErrorKind kind, int code) {
  if (code == 40573) return "Turn the local server into a replica set of one node: `dualsync doctor` prints the steps.";
  switch (kind) {
    case ErrorKind::kDenied: return "Check user, password and roles; the roles that dualsync needs are in the manual.";
    case ErrorKind::kQuota: return "The backup is full: delete data there or choose a larger tier.";
    case ErrorKind::kUnsupported: return "This server, or its Atlas tier, does not offer what was asked for.";
    default: return "";
  }
}

// Errors that libmongoc makes by itself, without an answer of the server.
ErrorKind kind_of_domain(const bson_error_t& error) {
  switch (error.domain) {
    case MONGOC_ERROR_SCRAM:
    case MONGOC_ERROR_SASL: return ErrorKind::kDenied;
    case MONGOC_ERROR_CLIENT:
      return error.code == MONGOC_ERROR_CLIENT_AUTHENTICATE ? ErrorKind::kDenied : ErrorKind::kConnectivity;
    case MONGOC_ERROR_BSON:
    case MONGOC_ERROR_COMMAND:
    case MONGOC_ERROR_NAMESPACE: return ErrorKind::kInvalidArgument;
    default: return ErrorKind::kConnectivity;  // stream, server selection, protocol, pool
  }
}

ErrorKind kind_of_labels(const bson_t* reply, ErrorPlace place, ErrorKind otherwise) {
  if (reply == nullptr) return otherwise;
  if (mongoc_error_has_label(reply, "SystemOverloadedError")) return ErrorKind::kThrottled;
  if (place == ErrorPlace::kChangeStream) {
    if (mongoc_error_has_label(reply, "NonResumableChangeStreamError")) return ErrorKind::kPositionLost;
    if (mongoc_error_has_label(reply, "ResumableChangeStreamError")) return ErrorKind::kConnectivity;
  }
  if (mongoc_error_has_label(reply, "RetryableWriteError")) return ErrorKind::kConnectivity;
  if (mongoc_error_has_label(reply, "TransientTransactionError")) return ErrorKind::kConnectivity;
  return otherwise;
}

// Server texts quote documents and keys in braces; these belong to the user and not into a log.
std::string without_content(std::string_view server_message) {
  const std::size_t content = server_message.find('{');
  return redact(server_message.substr(0, content)) + (content == std::string_view::npos ? "" : "...");
}

}  // namespace

std::span<const ErrorRow> error_table() { return kRows; }

ErrorKind classify(int code, ErrorPlace place) {
  const ErrorRow* row = find_row(code, place);
  return row == nullptr ? ErrorKind::kRefused : row->kind;
}

Error make_error(const bson_error_t& error, const bson_t* reply, ErrorPlace place, std::string_view what) {
  Error result;
  result.code = static_cast<int>(error.code);
  const bool answered = error.domain == MONGOC_ERROR_SERVER || error.domain == MONGOC_ERROR_WRITE_CONCERN;
  if (answered) {
    const ErrorRow* row = find_row(result.code, place);
    result.kind = row != nullptr ? row->kind : kind_of_labels(reply, place, ErrorKind::kRefused);
    const bool quotes_content = place == ErrorPlace::kDocumentWrite || result.kind == ErrorKind::kDuplicateKey;
    result.message = fmt::format("{}: server error {} ({})", what, result.code,
                                 quotes_content ? without_content(error.message) : redact(error.message));
  } else {
    result.kind = kind_of_domain(error);
    result.message = fmt::format("{}: {}", what, redact(error.message));
  }
  result.hint = hint_of(result.kind, answered ? result.code : kCodeOk);
  return result;
}

Error make_write_error(int code, std::string_view server_message, std::string_view what) {
  Error result;
  result.kind = classify(code, ErrorPlace::kDocumentWrite);
  result.code = code;
  result.message = fmt::format("{}: server error {} ({})", what, code, without_content(server_message));
  result.hint = hint_of(result.kind, code);
  return result;
}

std::optional<Error> write_concern_error(const bson_t& reply, std::string_view what) {
  bson_iter_t iter;
  bson_iter_t field;
  if (!bson_iter_init_find(&iter, &reply, "writeConcernError") || !bson_iter_recurse(&iter, &field))
    return std::nullopt;
  Error result;
  std::string_view message;
  while (bson_iter_next(&field)) {
    const std::string_view name = bson_iter_key(&field);
    if (name == "code" && BSON_ITER_HOLDS_NUMBER(&field)) result.code = static_cast<int>(bson_iter_as_int64(&field));
    if (name == "errmsg") message = iter_string(field).value_or("");
  }
  result.kind = kind_of_labels(&reply, ErrorPlace::kDocumentWrite, classify(result.code, ErrorPlace::kDocumentWrite));
  if (result.kind == ErrorKind::kRefused) result.kind = ErrorKind::kConnectivity;
  result.message =
      fmt::format("{}: not acknowledged by the majority, server error {} ({})", what, result.code, redact(message));
  result.hint = hint_of(result.kind, result.code);
  return result;
}

}  // namespace dualsync
