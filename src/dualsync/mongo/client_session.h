// ClientPool and ClientSession: connections to one deployment, and one explicit session on one of them.
//
// Shape    a ClientSession takes a client from the pool and starts its server session at the first call, and keeps both
//          for its life. It can therefore be made while the server is away: every call tries again.
// Order    transaction numbers grow with every write of the process, so that a write which arrives late at the server
//          is refused once a later one of the same session has been seen
// Threads  ClientPool: any. ClientSession: one owner.
// Errors   kConnectivity, kDenied, and whatever mongo_error.h makes of the server's answer
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dualsync/base/mutex.h"
#include "dualsync/base/result.h"
#include "dualsync/codec/bson.h"
#include "dualsync/mongo/mongo_error.h"
#include "dualsync/mongo/mongoc_raii.h"
#include "dualsync/mongo/server_facts.h"
#include "dualsync/ports/write_gate.h"

namespace dualsync {

class ClientPool {
 public:
  // `uri` as prepare_uri made it. `hosts`: for messages, without credentials.
  ClientPool(UriPtr uri, std::uint32_t max_clients, std::string hosts);

  // The pool itself is made here, at the first call: for mongodb+srv that asks the DNS and may fail for a while.
  // kConnectivity also if all clients stay in use for longer than waitQueueTimeoutMS.
  Result<mongoc_client_t*> pop() DUALSYNC_EXCLUDES(mutex_);
  void push(mongoc_client_t* client) DUALSYNC_EXCLUDES(mutex_);

  // What a server of this deployment has told of itself; nothing before the first has.
  std::optional<ServerFacts> facts() const DUALSYNC_EXCLUDES(mutex_);
  void keep_facts(const ServerFacts& facts) DUALSYNC_EXCLUDES(mutex_);

  const std::string& hosts() const { return hosts_; }
  const mongoc_uri_t* uri() const { return uri_.get(); }

 private:
  Result<mongoc_client_pool_t*> pool() DUALSYNC_EXCLUDES(mutex_);

  const UriPtr uri_;
  const std::uint32_t max_clients_;
  const std::string hosts_;
  mutable Mutex mutex_;
  PoolPtr pool_ DUALSYNC_GUARDED_BY(mutex_);
  std::optional<ServerFacts> facts_ DUALSYNC_GUARDED_BY(mutex_);
};

// A client taken from a pool, given back at the end.
class ClientLease {
 public:
  static Result<std::unique_ptr<ClientLease>> take(std::shared_ptr<ClientPool> pool);
  ~ClientLease() { pool_->push(client_); }
  ClientLease(const ClientLease&) = delete;
  ClientLease& operator=(const ClientLease&) = delete;

  mongoc_client_t* get() const { return client_; }

 private:
  ClientLease(std::shared_ptr<ClientPool> pool, mongoc_client_t* client) : pool_(std::move(pool)), client_(client) {}

  const std::shared_ptr<ClientPool> pool_;
  mongoc_client_t* const client_;
};

// The server that commands are pinned to.
struct ServerChoice {
  std::uint32_t id = 0;
  bool standalone = false;
  bool mongos = false;
};

class ClientSession {
 public:
  explicit ClientSession(std::shared_ptr<ClientPool> pool) : pool_(std::move(pool)) {}

  // The primary (or the standalone, or a mongos) as the driver knows it now.
  Result<ServerChoice> select_primary();

  // Sends `command` to that server, within the session. `reply` holds the server's answer, also after a server error.
  Result<void> run(const ServerChoice& server, const std::string& db, const BsonDoc& command, ErrorPlace place,
                   std::string_view what, BsonDoc* reply);

  // Like run() on the primary, for commands that read or change no document by content: tried again once, on the
  // primary of then, if the connection broke.
  Result<ServerChoice> run_on_primary(const std::string& db, const BsonDoc& command, ErrorPlace place,
                                      std::string_view what, BsonDoc* reply);

  // Asked directly before each write(); null: everything may be written. Must outlive this.
  void set_gate(const WriteGate* gate) { gate_ = gate; }
  Result<void> may_write() const { return gate_ == nullptr ? Result<void>() : gate_->may_write(); }

  // A write command (insert, update, delete) with a transaction number and majority write concern: tried again once,
  // with the same number, if the connection broke or the primary changed. `command` gets both appended.
  // A write concern error is an error: nothing is known about any statement then.
  Result<void> write(const std::string& db, BsonDoc* command, std::string_view what, BsonDoc* reply);

  // The same without a number, for what no server numbers; and once only.
  Result<void> write_unnumbered(const std::string& db, BsonDoc* command, std::string_view what, BsonDoc* reply);

  // A transaction: begin, write any number of times, then commit or roll back. After an error of write_in only
  // roll_back makes sense; the server has aborted by itself if the error was its own. kUnsupported: a standalone
  // server.
  struct Transaction {
    ServerChoice server;
    std::int64_t number = 0;
    bool started = false;
  };
  Result<Transaction> begin();
  Result<void> write_in(Transaction* transaction, const std::string& db, BsonDoc* command, std::string_view what,
                        BsonDoc* reply);
  Result<void> commit(const Transaction& transaction);
  void roll_back(const Transaction& transaction);

  // `hello` and `buildInfo` of `server`.
  Result<ServerFacts> facts(const ServerChoice& server);
  // What any session of the pool learnt last, without asking again if one has: its version and limits, for those who
  // bear that the server has been upgraded since.
  Result<ServerFacts> known_facts(const ServerChoice& server);

  const std::string& hosts() const { return pool_->hosts(); }

 private:
  Result<void> ready();
  Result<void> end(const Transaction& transaction, const char* how);
  Result<void> send_write(const std::string& db, const BsonDoc& command, std::string_view what, BsonDoc* reply,
                          bool* may_retry);

  const std::shared_ptr<ClientPool> pool_;
  const WriteGate* gate_ = nullptr;
  std::unique_ptr<ClientLease> lease_;  // before session_: a session ends before its client goes back
  ClientSessionPtr session_;
};

// Majority write concern without a time-out, appended to a command as `writeConcern`.
void append_majority_write_concern(BsonDoc* command);

}  // namespace dualsync
