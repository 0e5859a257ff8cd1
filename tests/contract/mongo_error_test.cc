#include "dualsync/mongo/mongo_error.h"

#include <gtest/gtest.h>
#include <mongoc/mongoc.h>

#include <set>
#include <utility>

#include "dualsync/mongo/connection_cause.h"
#include "mongo_fixture.h"

namespace dualsync {
namespace {

using test::bson_of;

bson_error_t error_of(std::uint32_t domain, std::uint32_t code, const char* message) {
  bson_error_t error{};
  bson_set_error(&error, domain, code, "%s", message);
  return error;
}

TEST(MongoError, EveryRowOfTheTableDecides) {
  for (const ErrorRow& row : error_table()) {
    const ErrorPlace place = row.place == ErrorPlace::kAny ? ErrorPlace::kCommand : row.place;
    const bson_error_t error = error_of(MONGOC_ERROR_SERVER, static_cast<std::uint32_t>(row.code), "text");
    const Error made = make_error(error, nullptr, place, "test");
    EXPECT_EQ(made.kind, row.kind) << row.code << " " << row.name;
    EXPECT_EQ(made.code, row.code);
  }
}

TEST(MongoError, NoCodeHasTwoRowsForOnePlace) {
  std::set<std::pair<int, ErrorPlace>> seen;
  for (const ErrorRow& row : error_table()) {
    EXPECT_TRUE(seen.emplace(row.code, row.place).second) << row.code;
  }
}

TEST(MongoError, TheClassesThatTheDesignNames) {
  const auto in = [](ErrorPlace place, std::initializer_list<int> codes, ErrorKind kind) {
    for (const int code : codes) EXPECT_EQ(classify(code, place), kind) << code;
  };
  in(ErrorPlace::kDocumentWrite, {6, 7, 89, 91, 189, 9001, 10107, 11600, 11602, 13435, 13436, 43, 50, 262, 134},
     ErrorKind::kConnectivity);
  in(ErrorPlace::kDocumentWrite, {16500, 429, 433, 449, 462}, ErrorKind::kThrottled);
  in(ErrorPlace::kDocumentWrite, {11000, 11001, 12582}, ErrorKind::kDuplicateKey);
  in(ErrorPlace::kDocumentWrite, {28, 40, 66}, ErrorKind::kHeal);
  in(ErrorPlace::kDocumentWrite, {121, 10334, 17280, 2, 9, 57, 15, 987654}, ErrorKind::kRefused);
  in(ErrorPlace::kDocumentWrite, {52}, ErrorKind::kHeal);
  in(ErrorPlace::kDocumentWrite, {8000}, ErrorKind::kQuota);
  in(ErrorPlace::kDocumentWrite, {13, 18}, ErrorKind::kDenied);
  in(ErrorPlace::kCommand, {26, 27, 73}, ErrorKind::kNotFound);
  in(ErrorPlace::kCommand, {8000, 20}, ErrorKind::kUnsupported);
  in(ErrorPlace::kCommand, {85, 86}, ErrorKind::kConflict);
  in(ErrorPlace::kChangeStream, {286, 280, 260, 136, 40647, 40649}, ErrorKind::kPositionLost);
  in(ErrorPlace::kChangeStream, {40573}, ErrorKind::kUnsupported);
  in(ErrorPlace::kChangeStream, {43, 11602}, ErrorKind::kConnectivity);
}

TEST(MongoError, LabelsDecideWhereTheCodeIsUnknown) {
  const bson_error_t error = error_of(MONGOC_ERROR_SERVER, 987654, "text");
  const auto kind = [&](const char* label, ErrorPlace place) {
    const std::string reply = bson_of(std::string(R"({"ok": 0, "errorLabels": [")") + label + R"("]})");
    const auto view = view_bson(reply);
    return make_error(error, &*view, place, "test").kind;
  };
  EXPECT_EQ(kind("SystemOverloadedError", ErrorPlace::kDocumentWrite), ErrorKind::kThrottled);
  EXPECT_EQ(kind("RetryableWriteError", ErrorPlace::kDocumentWrite), ErrorKind::kConnectivity);
  EXPECT_EQ(kind("TransientTransactionError", ErrorPlace::kDocumentWrite), ErrorKind::kConnectivity);
  EXPECT_EQ(kind("NonResumableChangeStreamError", ErrorPlace::kChangeStream), ErrorKind::kPositionLost);
  EXPECT_EQ(kind("ResumableChangeStreamError", ErrorPlace::kChangeStream), ErrorKind::kConnectivity);
  EXPECT_EQ(kind("SomethingElse", ErrorPlace::kDocumentWrite), ErrorKind::kRefused);
}

TEST(MongoError, ErrorsOfTheDriverAreConnectivityOrDenied) {
  const auto kind = [](std::uint32_t domain, std::uint32_t code) {
    return make_error(error_of(domain, code, "text"), nullptr, ErrorPlace::kCommand, "test").kind;
  };
  EXPECT_EQ(kind(MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET), ErrorKind::kConnectivity);
  EXPECT_EQ(kind(MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE), ErrorKind::kConnectivity);
  EXPECT_EQ(kind(MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_NOT_READY), ErrorKind::kConnectivity);
  EXPECT_EQ(kind(MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_AUTHENTICATE), ErrorKind::kDenied);
  EXPECT_EQ(kind(MONGOC_ERROR_SCRAM, MONGOC_ERROR_SCRAM_PROTOCOL_ERROR), ErrorKind::kDenied);
}

TEST(MongoError, MessagesHoldNeitherPasswordsNorDocuments) {
  const bson_error_t error = error_of(MONGOC_ERROR_SERVER, 2, "bad mongodb://user:hunter2@db.example.net/x");
  EXPECT_EQ(make_error(error, nullptr, ErrorPlace::kCommand, "test").message.find("hunter2"), std::string::npos);
  const Error write = make_write_error(28, "Cannot create field 'b' in element {a: \"planted\"}", "test");
  EXPECT_EQ(write.message.find("planted"), std::string::npos) << write.message;
  EXPECT_NE(write.message.find("Cannot create field"), std::string::npos);
  const bson_error_t duplicate = error_of(MONGOC_ERROR_SERVER, 11000, "E11000 index: a dup key: { a: \"planted\" }");
  const Error build = make_error(duplicate, nullptr, ErrorPlace::kCommand, "create an index");
  EXPECT_EQ(build.message.find("planted"), std::string::npos) << build.message;
  EXPECT_NE(build.message.find("index: a"), std::string::npos) << build.message;
}

TEST(MongoError, AWriteConcernErrorIsNeverTheContentsFault) {
  const std::string timed_out = bson_of(R"({"ok": 1, "n": 1, "writeConcernError": {"code": 64, "errmsg": "waiting"}})");
  const auto view = view_bson(timed_out);
  const auto error = write_concern_error(*view, "test");
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind, ErrorKind::kConnectivity);
  const std::string fine = bson_of(R"({"ok": 1})");
  const auto fine_view = view_bson(fine);
  EXPECT_FALSE(write_concern_error(*fine_view, "test").has_value());
}

TEST(ConnectionCause, AtlasClosingAtOnceMeansTheAccessList) {
  const bson_error_t closed = error_of(MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE,
                                       "No suitable servers found: [connection closed calling hello on 'x']");
  EXPECT_EQ(connection_cause(closed, "shard-00.abc.mongodb.net:27017"), ConnectionCause::kAccessList);
  EXPECT_EQ(connection_cause(closed, "db.example.net:27017"), ConnectionCause::kClosed);
}

// Atlas refuses who is not on the access list in the handshake; elsewhere the same alert says nothing of such a list.
TEST(ConnectionCause, AtlasAlertInTheHandshakeMeansTheAccessList) {
  const bson_error_t alert = error_of(MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE,
                                      "No suitable servers found: [TLS handshake failed: tlsv1 alert internal error]");
  EXPECT_EQ(connection_cause(alert, "shard-00.abc.mongodb.net:27017"), ConnectionCause::kAccessList);
  EXPECT_EQ(connection_cause(alert, "db.example.net:27017"), ConnectionCause::kTls);
  const Error explained = explain_connection(alert, "shard-00.abc.mongodb.net:27017");
  EXPECT_NE(explained.hint.find("access list"), std::string::npos) << explained.hint;
}

TEST(ConnectionCause, ANameThatDoesNotResolveIsNamed) {
  for (const char* text : {"Failed to look up SRV record \"_mongodb._tcp.x.mongodb.net\": unknown host",
                           "No suitable servers found: [Failed to resolve 'db.example.net']"}) {
    const bson_error_t error =
        error_of(MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE, text);
    EXPECT_EQ(connection_cause(error, "x.mongodb.net"), ConnectionCause::kNameResolution) << text;
    EXPECT_NE(explain_connection(error, "x.mongodb.net").message.find("DNS"), std::string::npos) << text;
  }
}

// A paused cluster answers nothing; that, and the other causes of silence, are what the hint names.
TEST(ConnectionCause, SilenceNamesWhatMayBeBehindIt) {
  const bson_error_t silent = error_of(MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE,
                                       "No suitable servers found: [connection timeout calling hello on 'x']");
  const Error explained = explain_connection(silent, "shard-00.abc.mongodb.net:27017");
  for (const char* words : {"paused", "access list", "27017", "firewall"})
    EXPECT_NE(explained.hint.find(words), std::string::npos) << words << " in " << explained.hint;
  EXPECT_NE(explained.message.find("no answer in time"), std::string::npos) << explained.message;
}

TEST(ConnectionCause, TellsWhatIsWrongWithACertificate) {
  struct Case {
    const char* reason;  // as libmongoc 1.23 writes it
    ConnectionCause cause;
    const char* words;
  };
  for (const Case& one : {Case{"(10): certificate has expired", ConnectionCause::kTlsExpired, "has expired"},
                          Case{"(9): not yet valid", ConnectionCause::kTlsNotYetValid, "not valid yet"},
                          Case{"(20): unable to get local issuer", ConnectionCause::kTlsIssuer, "issuer"},
                          Case{"(19): self-signed certificate in chain", ConnectionCause::kTlsIssuer, "issuer"},
                          Case{"(62): hostname mismatch", ConnectionCause::kTlsHostName, "another host"},
                          Case{"(64): IP address mismatch", ConnectionCause::kTlsHostName, "another host"},
                          Case{"(23): certificate revoked", ConnectionCause::kTls, "handshake failed"}}) {
    const std::string text =
        std::string("No suitable servers found: [TLS handshake failed: certificate verify failed ") + one.reason +
        " calling hello on 'x']";
    const bson_error_t error =
        error_of(MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE, text.c_str());
    EXPECT_EQ(connection_cause(error, "db.example.net:27017"), one.cause) << text;
    const Error explained = explain_connection(error, "db.example.net:27017");
    EXPECT_NE(explained.message.find(one.words), std::string::npos) << explained.message;
    EXPECT_EQ(explained.kind, ErrorKind::kConnectivity);
  }
}

}  // namespace
}  // namespace dualsync
