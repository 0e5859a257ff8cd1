// An application of a test's own: a standalone local without comparisons by the clock, so that whatever reaches the
// backup came through the middleware. Tried on the embedded server's standalone mode, which is what a mongod without
// --replSet looks like to drivers; DUALSYNC_TEST_STANDALONE_URI names another.
#pragma once

#include <gtest/gtest.h>
#include <mongoc/mongoc.h>

#include <memory>
#include <string>
#include <vector>

#include "dualsync/engine.h"
#include "dualsync/middleware.h"
#include "support/embedded_server.h"
#include "support/scratch_dir.h"

namespace dualsync::test {

// BSON from Extended JSON.
class Doc {
 public:
  Doc(const char* json);  // NOLINT(google-explicit-constructor)
  ~Doc() { bson_destroy(bson_); }
  Doc(const Doc&) = delete;
  Doc& operator=(const Doc&) = delete;
  operator const bson_t*() const { return bson_; }  // NOLINT(google-explicit-constructor)
  bson_t* get() { return bson_; }

 private:
  bson_t* bson_;
};

struct ClientDestroy {
  void operator()(mongoc_client_t* client) const { mongoc_client_destroy(client); }
};
struct CollectionDestroy {
  void operator()(mongoc_collection_t* collection) const { mongoc_collection_destroy(collection); }
};
struct SessionDestroy {
  void operator()(mongoc_client_session_t* session) const { mongoc_client_session_destroy(session); }
};
using Client = std::unique_ptr<mongoc_client_t, ClientDestroy>;
using Collection = std::unique_ptr<mongoc_collection_t, CollectionDestroy>;
using Session = std::unique_ptr<mongoc_client_session_t, SessionDestroy>;

// The documents in the order of their `_id`, each as its bytes.
std::vector<std::string> documents(mongoc_client_t* client, const std::string& database, const std::string& name);

class EmbedFixture : public ::testing::Test {
 protected:
  EmbedFixture();
  ~EmbedFixture() override;

  void SetUp() override;
  EngineOptions options() const;
  void start_engine();      // and until its first copy is over
  void start_middleware();  // with a client of its own
  void end();               // in order

  mongoc_client_t* client() { return client_.get(); }
  mongoc_collection_t* bills() { return bills_.get(); }
  // Until the backup's documents are local's.
  void expect_equal(const std::string& collection = "bills");
  // Until all is told; how many documents and comparisons were, since the last call.
  MiddlewareCounts told();

  static const std::string& local_uri();
  static const std::string& backup_uri();
  std::string database_uri() const;  // of local, with the test's database

  ScratchDir dir_;
  std::string database_;
  std::map<std::string, std::string> settings_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Middleware> middleware_;
  Client watcher_;  // of local, unheard
  Client backup_client_;
  Client client_;
  Collection bills_;
  MiddlewareCounts before_;
};

}  // namespace dualsync::test
