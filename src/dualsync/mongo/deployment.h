// Deployment: one side, local or backup: its connection pool, what it is, and the objects that read and write it.
//
// Shape    reads go to the primary with majority read concern and writes are acknowledged by the majority, whatever the
//          URI says; retryable writes are always on. Time-outs and compressors are ours where the URI does not set
//          them.
// Order    open() touches no server, so it works offline; each object connects at its first call
// Threads  Deployment: any. The objects it makes have one owner each and may outlive it.
// Errors   open(): kInvalidArgument. probe(): kConnectivity or kDenied, with the cause in words and a hint.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "dualsync/base/result.h"
#include "dualsync/mongo/server_facts.h"
#include "dualsync/mongo/uri_check.h"
#include "dualsync/ports/backup_state.h"
#include "dualsync/ports/change_source.h"
#include "dualsync/ports/document_store.h"
#include "dualsync/ports/kept_schema.h"
#include "dualsync/ports/local_probe.h"
#include "dualsync/ports/storage_probe.h"
#include "dualsync/ports/write_gate.h"

namespace dualsync {

class ClientPool;
class CanaryWriter;
class ServerProbe;

struct DeploymentOptions {
  std::uint32_t max_clients = 10;                    // connections in use at once
  std::chrono::milliseconds server_selection{5000};  // serverSelectionTimeoutMS, and how long to wait for a client
  std::chrono::milliseconds connect{5000};           // connectTimeoutMS
  std::chrono::milliseconds socket{30000};           // socketTimeoutMS
  std::chrono::milliseconds schema_socket{std::chrono::hours(1)};  // of schema commands: an index build may take long
};

struct WriterOptions {
  bool bypass_validation = true;    // given up by itself where the role does not allow it
  const WriteGate* gate = nullptr;  // asked before each command; null: everything may be written
};

struct SourceOptions {
  std::string single_database;              // empty: the whole deployment
  bool post_images = false;                 // updates come with the document as they left it, where it was kept (6.0)
  std::int32_t batch_size = 1000;           // events of one batch
  std::chrono::milliseconds max_wait{300};  // how long the server waits for a first event
};

class Deployment {
 public:
  static Result<std::unique_ptr<Deployment>> open(const CheckedUri& uri, const DeploymentOptions& options);
  ~Deployment();

  // One attempt to connect, log in and ask the server what it is, with a connection of its own.
  Result<ServerFacts> probe(std::chrono::milliseconds timeout) const;

  std::unique_ptr<DocumentReader> make_reader() const;
  std::unique_ptr<BackupWriter> make_writer(const WriterOptions& options) const;
  // Has connections of its own, beside the pool, because its commands may take as long as an index build.
  std::unique_ptr<SchemaWriter> make_schema_writer(const WriteGate* gate = nullptr) const;
  // The same for the mirror: keeps beside it what it leaves out. `state_database`: see make_backup_state.
  std::unique_ptr<SchemaWriter> make_keeping_schema_writer(const WriteGate* gate,
                                                           const std::string& state_database) const;
  // Builds what it is told, TTL and capped included: for what is restored.
  std::unique_ptr<SchemaWriter> make_true_schema_writer() const;
  std::unique_ptr<KeptSchemas> make_kept_schemas(const std::string& state_database) const;
  std::unique_ptr<ChangeSource> make_change_source(const SourceOptions& options) const;
  // Of the backup: beside the user's data. `database`: see MongoBackupState.
  std::unique_ptr<BackupState> make_backup_state(const std::string& database) const;
  std::unique_ptr<StorageProbe> make_storage_probe() const;
  std::unique_ptr<ServerProbe> make_server_probe() const;
  // Of local.
  std::unique_ptr<LocalProbe> make_local_probe() const;
  std::unique_ptr<CanaryWriter> make_canary_writer(const std::string& installation) const;

  // The longest that one command of the pool can be on its way: finding a server, connecting, and the answer.
  std::chrono::milliseconds command_timeout() const;

  const std::string& hosts() const { return hosts_; }  // for messages, without credentials

 private:
  Deployment(std::shared_ptr<ClientPool> pool, std::shared_ptr<ClientPool> schema_pool, std::string hosts);

  const std::shared_ptr<ClientPool> pool_;
  const std::shared_ptr<ClientPool> schema_pool_;
  const std::string hosts_;
};

}  // namespace dualsync
