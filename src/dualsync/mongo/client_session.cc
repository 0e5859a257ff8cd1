#include "dualsync/mongo/client_session.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>

#include "dualsync/mongo/connection_cause.h"

namespace dualsync {
namespace {

// One counter for all sessions: the driver hands the id of an ended session on to the next one, whose numbers must be
// larger. It starts at the time in microseconds, so that it would grow over a restart too if an id ever came back.
std::int64_t next_transaction_number() {
  static std::atomic<std::int64_t> counter{
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count()};
  return ++counter;
}

bool from_server(const bson_error_t& error) {
  return error.domain == MONGOC_ERROR_SERVER || error.domain == MONGOC_ERROR_WRITE_CONCERN;
}

Error connection_error(const bson_error_t& error, const std::string& hosts, const bson_t* reply, ErrorPlace place,
                       std::string_view what) {
  if (from_server(error)) return make_error(error, reply, place, what);
  Error made = make_error(error, reply, place, what);
  if (made.kind != ErrorKind::kConnectivity && made.kind != ErrorKind::kDenied) return made;
  Error explained = explain_connection(error, hosts);
  explained.kind = made.kind;
  return explained.in(what);
}

}  // namespace

void append_majority_write_concern(BsonDoc* command) {
  bson_t concern;
  bson_append_document_begin(command->get(), "writeConcern", -1, &concern);
  BSON_APPEND_UTF8(&concern, "w", "majority");
  bson_append_document_end(command->get(), &concern);
}

ClientPool::ClientPool(UriPtr uri, std::uint32_t max_clients, std::string hosts)
    : uri_(std::move(uri)), max_clients_(max_clients), hosts_(std::move(hosts)) {}

Result<mongoc_client_pool_t*> ClientPool::pool() {
  const MutexLock lock(mutex_);
  if (!pool_) {
    bson_error_t error{};
    PoolPtr made(mongoc_client_pool_new_with_error(uri_.get(), &error));
    if (!made) return explain_connection(error, hosts_);
    mongoc_client_pool_max_size(made.get(), max_clients_);
    // Version 2 tells errors of the server from errors of the driver by domain.
    mongoc_client_pool_set_error_api(made.get(), MONGOC_ERROR_API_VERSION_2);
    pool_ = std::move(made);
  }
  return pool_.get();
}

Result<mongoc_client_t*> ClientPool::pop() {
  auto made = pool();
  if (!made.ok()) return made.error();
  // Outside the lock: pop() waits while all clients are in use, and push() must get through meanwhile.
  mongoc_client_t* client = mongoc_client_pool_pop(*made);
  if (client == nullptr) {
    return Error{ErrorKind::kConnectivity, fmt::format("{}: all {} connections are in use", hosts_, max_clients_),
                 "Use fewer lanes (SYNC_LANES).", 0};
  }
  return client;
}

void ClientPool::push(mongoc_client_t* client) {
  mongoc_client_pool_t* pool = nullptr;
  {
    const MutexLock lock(mutex_);
    pool = pool_.get();
  }
  mongoc_client_pool_push(pool, client);
}

std::optional<ServerFacts> ClientPool::facts() const {
  const MutexLock lock(mutex_);
  return facts_;
}

void ClientPool::keep_facts(const ServerFacts& facts) {
  const MutexLock lock(mutex_);
  facts_ = facts;
}

Result<std::unique_ptr<ClientLease>> ClientLease::take(std::shared_ptr<ClientPool> pool) {
  auto client = pool->pop();
  if (!client.ok()) return client.error();
  return std::unique_ptr<ClientLease>(new ClientLease(std::move(pool), *client));
}

Result<void> ClientSession::ready() {
  if (session_) return {};
  if (!lease_) {
    auto lease = ClientLease::take(pool_);
    if (!lease.ok()) return lease.error();
    lease_ = std::move(lease).value();
  }
  const SessionOptsPtr options(mongoc_session_opts_new());
  // What must be read after what is said by afterClusterTime, not by the session's history.
  mongoc_session_opts_set_causal_consistency(options.get(), false);
  bson_error_t error{};
  session_.reset(mongoc_client_start_session(lease_->get(), options.get(), &error));
  if (!session_) return connection_error(error, hosts(), nullptr, ErrorPlace::kCommand, "start a session");
  return {};
}

Result<ServerChoice> ClientSession::select_primary() {
  DUALSYNC_TRY(ready());
  bson_error_t error{};
  const ServerDescriptionPtr chosen(mongoc_client_select_server(lease_->get(), true, nullptr, &error));
  if (!chosen) return connection_error(error, hosts(), nullptr, ErrorPlace::kCommand, "find the primary");
  const std::string_view type = mongoc_server_description_type(chosen.get());
  return ServerChoice{mongoc_server_description_id(chosen.get()), type == "Standalone", type == "Mongos"};
}

Result<void> ClientSession::run(const ServerChoice& server, const std::string& db, const BsonDoc& command,
                                ErrorPlace place, std::string_view what, BsonDoc* reply) {
  DUALSYNC_TRY(ready());
  BsonDoc options;
  bson_error_t error{};
  if (!mongoc_client_session_append(session_.get(), options.get(), &error)) {
    return make_error(error, nullptr, place, what);
  }
  BSON_APPEND_INT32(options.get(), "serverId", static_cast<std::int32_t>(server.id));
  if (mongoc_client_command_with_opts(lease_->get(), db.c_str(), command.get(), nullptr, options.get(), reply->out(),
                                      &error)) {
    return {};
  }
  return connection_error(error, hosts(), reply->get(), place, what);
}

Result<ServerChoice> ClientSession::run_on_primary(const std::string& db, const BsonDoc& command, ErrorPlace place,
                                                   std::string_view what, BsonDoc* reply) {
  for (bool first = true;; first = false) {
    auto server = select_primary();
    if (!server.ok()) return server.error();
    const Result<void> result = run(*server, db, command, place, what, reply);
    if (result.ok()) return *server;
    if (!first || result.error().kind != ErrorKind::kConnectivity) return result.error();
  }
}

Result<void> ClientSession::send_write(const std::string& db, const BsonDoc& command, std::string_view what,
                                       BsonDoc* reply, bool* may_retry) {
  BsonDoc options;
  bson_error_t error{};
  if (!mongoc_client_session_append(session_.get(), options.get(), &error)) {
    return make_error(error, nullptr, ErrorPlace::kDocumentWrite, what);
  }
  *may_retry = false;
  DUALSYNC_TRY(may_write());
  if (mongoc_client_write_command_with_opts(lease_->get(), db.c_str(), command.get(), options.get(), reply->out(),
                                            &error)) {
    return {};
  }
  const auto concern = write_concern_error(*reply->get(), what);
  const Error failed =
      concern.has_value() ? *concern : connection_error(error, hosts(), reply->get(), ErrorPlace::kDocumentWrite, what);
  *may_retry = failed.kind == ErrorKind::kConnectivity;
  return failed;
}

Result<void> ClientSession::write(const std::string& db, BsonDoc* command, std::string_view what, BsonDoc* reply) {
  auto server = select_primary();
  if (!server.ok()) return server.error();
  append_majority_write_concern(command);
  // libmongoc numbers only the writes of its own bulk API. A standalone refuses transaction numbers.
  if (!server->standalone) BSON_APPEND_INT64(command->get(), "txnNumber", next_transaction_number());
  bool may_retry = false;
  Result<void> result = send_write(db, *command, what, reply, &may_retry);
  if (!result.ok() && may_retry && !server->standalone) result = send_write(db, *command, what, reply, &may_retry);
  return result;
}

Result<void> ClientSession::write_unnumbered(const std::string& db, BsonDoc* command, std::string_view what,
                                             BsonDoc* reply) {
  const auto server = select_primary();
  if (!server.ok()) return server.error();
  append_majority_write_concern(command);
  bool may_retry = false;
  return send_write(db, *command, what, reply, &may_retry);
}

Result<ClientSession::Transaction> ClientSession::begin() {
  auto server = select_primary();
  if (!server.ok()) return server.error();
  if (server->standalone) {
    return Error{ErrorKind::kUnsupported, hosts() + ": a standalone server has no transactions", "", 0};
  }
  return Transaction{*server, next_transaction_number(), false};
}

Result<void> ClientSession::write_in(Transaction* transaction, const std::string& db, BsonDoc* command,
                                     std::string_view what, BsonDoc* reply) {
  DUALSYNC_TRY(may_write());
  BSON_APPEND_INT64(command->get(), "txnNumber", transaction->number);
  BSON_APPEND_BOOL(command->get(), "autocommit", false);
  if (!transaction->started) BSON_APPEND_BOOL(command->get(), "startTransaction", true);
  transaction->started = true;
  return run(transaction->server, db, *command, ErrorPlace::kDocumentWrite, what, reply);
}

Result<void> ClientSession::end(const Transaction& transaction, const char* how) {
  BsonDoc command;
  BSON_APPEND_INT32(command.get(), how, 1);
  BSON_APPEND_INT64(command.get(), "txnNumber", transaction.number);
  BSON_APPEND_BOOL(command.get(), "autocommit", false);
  append_majority_write_concern(&command);
  BsonDoc reply;
  DUALSYNC_TRY(run(transaction.server, "admin", command, ErrorPlace::kDocumentWrite, how, &reply));
  const auto concern = write_concern_error(*reply.get(), how);
  if (concern.has_value()) return *concern;
  return {};
}

Result<void> ClientSession::commit(const Transaction& transaction) {
  DUALSYNC_TRY(may_write());
  Result<void> done = end(transaction, "commitTransaction");
  // A commit may be repeated: the server remembers its outcome.
  if (!done.ok() && done.error().kind == ErrorKind::kConnectivity) done = end(transaction, "commitTransaction");
  return done;
}

void ClientSession::roll_back(const Transaction& transaction) {
  if (transaction.started) {
    ignore_error(end(transaction, "abortTransaction"), "a transaction that is not committed ends by itself");
  }
}

Result<ServerFacts> ClientSession::facts(const ServerChoice& server) {
  BsonDoc hello;
  BSON_APPEND_INT32(hello.get(), "hello", 1);
  BsonDoc hello_reply;
  DUALSYNC_TRY(run(server, "admin", hello, ErrorPlace::kCommand, "hello", &hello_reply));
  BsonDoc build_info;
  BSON_APPEND_INT32(build_info.get(), "buildInfo", 1);
  BsonDoc build_info_reply;
  DUALSYNC_TRY(run(server, "admin", build_info, ErrorPlace::kCommand, "buildInfo", &build_info_reply));
  ServerFacts facts = read_server_facts(*hello_reply.get(), *build_info_reply.get());
  pool_->keep_facts(facts);
  return facts;
}

Result<ServerFacts> ClientSession::known_facts(const ServerChoice& server) {
  if (auto known = pool_->facts()) return *known;
  return facts(server);
}

}  // namespace dualsync
