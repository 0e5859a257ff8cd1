// MongoTest: a test on a server: two deployments, a database name of its own, and short ways to write test data.
//
// Threads  one
// Errors   a helper that fails fails the test
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/codec/bson.h"
#include "dualsync/mongo/deployment.h"
#include "dualsync/mongo/mongoc_raii.h"
#include "mongo_test_server.h"

namespace dualsync::test {

// BSON bytes of Extended JSON (canonical or relaxed).
std::string bson_of(const std::string& json);

// {_id: <the document's _id>}
std::string key_of(std::string_view document);

// The `_id` of a document as canonical Extended JSON, without the braces: "1", "{ "$oid" : ... }".
std::string id_text(std::string_view document);

std::string text_field(std::string_view document, const char* name);

// Fails the test with the error's message if `result` is one.
template <typename T>
::testing::AssertionResult is_ok(const Result<T>& result) {
  if (result.ok()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << to_string(result.error().kind) << ": " << result.error().message << " ("
                                       << result.error().code << ")";
}

template <typename T>
ErrorKind kind_of(const Result<T>& result) {
  EXPECT_FALSE(result.ok()) << "an error was expected";
  return result.ok() ? ErrorKind::kStopped : result.error().kind;
}

std::unique_ptr<Deployment> open_deployment(const std::string& uri);

class MongoTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  Namespace ns(const std::string& collection) const { return {db_, collection}; }

  // A command, as an application would send it, to the local or the backup server; returns the reply.
  std::string run(const std::string& json, const std::string& db = "");
  std::string run_on_backup(const std::string& json, const std::string& db = "");
  // Inserts documents into `collection` of local.
  void insert(const std::string& collection, const std::vector<std::string>& documents);
  // All documents of a scan.
  std::vector<std::string> scan(DocumentReader& reader, const Namespace& from, const IdRange& range = {});

  std::string db_;
  std::unique_ptr<Deployment> local_;
  std::unique_ptr<Deployment> backup_;

 private:
  std::string send(mongoc_client_t* client, std::string_view command, const std::string& db);

  ClientPtr local_client_;
  ClientPtr backup_client_;
};

}  // namespace dualsync::test
