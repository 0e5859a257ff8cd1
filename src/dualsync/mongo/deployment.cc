#include "dualsync/mongo/deployment.h"

#include <fmt/format.h>

#include "dualsync/base/redact.h"
#include "dualsync/mongo/backup_state.h"
#include "dualsync/mongo/backup_writer.h"
#include "dualsync/mongo/canary_writer.h"
#include "dualsync/mongo/change_stream_source.h"
#include "dualsync/mongo/client_session.h"
#include "dualsync/mongo/connection_cause.h"
#include "dualsync/mongo/document_reader.h"
#include "dualsync/mongo/kept_schema.h"
#include "dualsync/mongo/local_probe.h"
#include "dualsync/mongo/schema_writer.h"
#include "dualsync/mongo/server_probe.h"
#include "dualsync/mongo/storage_probe.h"

namespace dualsync {
namespace {

constexpr const char* kAppName = "dualsync";
constexpr const char* kCompressors = "zstd,snappy,zlib";  // in order of preference; the server picks
// One DDL at a time, the copy's indexes beside it, and for each what it keeps; one that also looks up an index has
// three.
constexpr std::uint32_t kSchemaClients = 12;

// 0 would be "for ever", and the guarantees rest on commands that end.
void default_ms(mongoc_uri_t* uri, const char* option, std::chrono::milliseconds value) {
  if (mongoc_uri_has_option(uri, option) && mongoc_uri_get_option_as_int32(uri, option, 0) > 0) return;
  mongoc_uri_set_option_as_int32(uri, option, static_cast<std::int32_t>(value.count()));
}

void set_ms(mongoc_uri_t* uri, const char* option, std::chrono::milliseconds value) {
  mongoc_uri_set_option_as_int32(uri, option, static_cast<std::int32_t>(value.count()));
}

// What the guarantees rest on, so that no URI can switch it off.
void set_guarantees(mongoc_uri_t* uri) {
  const ReadPrefsPtr prefs(mongoc_read_prefs_new(MONGOC_READ_PRIMARY));
  mongoc_uri_set_read_prefs_t(uri, prefs.get());
  const ReadConcernPtr read(mongoc_read_concern_new());
  mongoc_read_concern_set_level(read.get(), MONGOC_READ_CONCERN_LEVEL_MAJORITY);
  mongoc_uri_set_read_concern(uri, read.get());
  const WriteConcernPtr write(mongoc_write_concern_new());
  mongoc_write_concern_set_w(write.get(), MONGOC_WRITE_CONCERN_W_MAJORITY);
  mongoc_uri_set_write_concern(uri, write.get());
  mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, true);
  mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYREADS, true);
  mongoc_uri_set_appname(uri, kAppName);
}

UriPtr prepare_uri(const UriPtr& parsed, const DeploymentOptions& options) {
  UriPtr uri(mongoc_uri_copy(parsed.get()));
  default_ms(uri.get(), MONGOC_URI_SERVERSELECTIONTIMEOUTMS, options.server_selection);
  default_ms(uri.get(), MONGOC_URI_WAITQUEUETIMEOUTMS, options.server_selection);
  default_ms(uri.get(), MONGOC_URI_CONNECTTIMEOUTMS, options.connect);
  default_ms(uri.get(), MONGOC_URI_SOCKETTIMEOUTMS, options.socket);
  const bson_t* compressors = mongoc_uri_get_compressors(uri.get());
  if (compressors == nullptr || bson_empty(compressors)) mongoc_uri_set_compressors(uri.get(), kCompressors);
  set_guarantees(uri.get());
  return uri;
}

}  // namespace

Deployment::Deployment(std::shared_ptr<ClientPool> pool, std::shared_ptr<ClientPool> schema_pool, std::string hosts)
    : pool_(std::move(pool)), schema_pool_(std::move(schema_pool)), hosts_(std::move(hosts)) {}

Deployment::~Deployment() = default;

Result<std::unique_ptr<Deployment>> Deployment::open(const CheckedUri& checked, const DeploymentOptions& options) {
  bson_error_t error{};
  const UriPtr parsed(mongoc_uri_new_with_error(checked.uri.c_str(), &error));
  if (!parsed) {
    return Error{ErrorKind::kInvalidArgument, fmt::format("{}: not a MongoDB URI", checked.hosts),
                 "Check it with check_uri first.", 0};
  }
  auto pool = std::make_shared<ClientPool>(prepare_uri(parsed, options), options.max_clients, checked.hosts);
  UriPtr schema_uri = prepare_uri(parsed, options);
  set_ms(schema_uri.get(), MONGOC_URI_SOCKETTIMEOUTMS, options.schema_socket);
  auto schema_pool = std::make_shared<ClientPool>(std::move(schema_uri), kSchemaClients, checked.hosts);
  return std::unique_ptr<Deployment>(new Deployment(std::move(pool), std::move(schema_pool), checked.hosts));
}

Result<ServerFacts> Deployment::probe(std::chrono::milliseconds timeout) const {
  // A client of its own, outside the pool: it tries every host once and says why that failed, while a pool's client
  // keeps trying in the background until the time is over.
  const UriPtr uri(mongoc_uri_copy(pool_->uri()));
  set_ms(uri.get(), MONGOC_URI_SERVERSELECTIONTIMEOUTMS, timeout);
  set_ms(uri.get(), MONGOC_URI_CONNECTTIMEOUTMS, timeout);
  set_ms(uri.get(), MONGOC_URI_SOCKETTIMEOUTMS, timeout);
  mongoc_uri_set_option_as_bool(uri.get(), MONGOC_URI_SERVERSELECTIONTRYONCE, true);
  bson_error_t error{};
  const ClientPtr client(mongoc_client_new_from_uri_with_error(uri.get(), &error));
  if (!client) return explain_connection(error, hosts_);
  mongoc_client_set_error_api(client.get(), MONGOC_ERROR_API_VERSION_2);
  const auto ask = [&](const char* name, BsonDoc* reply) -> Result<void> {
    BsonDoc command;
    BSON_APPEND_INT32(command.get(), name, 1);
    if (mongoc_client_command_simple(client.get(), "admin", command.get(), nullptr, reply->out(), &error)) return {};
    if (error.domain == MONGOC_ERROR_SERVER) {
      return make_error(error, reply->get(), ErrorPlace::kCommand, fmt::format("{}: {}", hosts_, name));
    }
    return explain_connection(error, hosts_);
  };
  BsonDoc hello;
  DUALSYNC_TRY(ask("hello", &hello));
  BsonDoc build_info;
  DUALSYNC_TRY(ask("buildInfo", &build_info));
  return read_server_facts(*hello.get(), *build_info.get());
}

std::unique_ptr<DocumentReader> Deployment::make_reader() const { return std::make_unique<MongoReader>(pool_); }

std::unique_ptr<BackupWriter> Deployment::make_writer(const WriterOptions& options) const {
  return std::make_unique<MongoBackupWriter>(pool_, options);
}

std::unique_ptr<SchemaWriter> Deployment::make_schema_writer(const WriteGate* gate) const {
  return std::make_unique<MongoSchemaWriter>(schema_pool_, gate, SchemaForm::kMirror);
}

std::unique_ptr<SchemaWriter> Deployment::make_keeping_schema_writer(const WriteGate* gate,
                                                                     const std::string& state_database) const {
  // Over the connections of the schema commands, which are used in turn: those of the pool are the lanes'.
  return std::make_unique<KeepingSchemaWriter>(make_schema_writer(gate), make_kept_schemas(state_database),
                                               std::make_unique<MongoReader>(schema_pool_), gate);
}

std::unique_ptr<SchemaWriter> Deployment::make_true_schema_writer() const {
  return std::make_unique<MongoSchemaWriter>(schema_pool_, nullptr, SchemaForm::kTrue);
}

std::unique_ptr<KeptSchemas> Deployment::make_kept_schemas(const std::string& state_database) const {
  return std::make_unique<MongoKeptSchemas>(schema_pool_, state_database);
}

std::unique_ptr<BackupState> Deployment::make_backup_state(const std::string& database) const {
  return std::make_unique<MongoBackupState>(pool_, database);
}

std::unique_ptr<StorageProbe> Deployment::make_storage_probe() const {
  return std::make_unique<MongoStorageProbe>(pool_);
}

std::unique_ptr<ServerProbe> Deployment::make_server_probe() const { return std::make_unique<ServerProbe>(pool_); }

std::unique_ptr<LocalProbe> Deployment::make_local_probe() const { return std::make_unique<MongoLocalProbe>(pool_); }

std::unique_ptr<CanaryWriter> Deployment::make_canary_writer(const std::string& installation) const {
  return std::make_unique<CanaryWriter>(pool_, installation);
}

std::chrono::milliseconds Deployment::command_timeout() const {
  std::chrono::milliseconds sum{0};
  for (const char* option :
       {MONGOC_URI_SERVERSELECTIONTIMEOUTMS, MONGOC_URI_CONNECTTIMEOUTMS, MONGOC_URI_SOCKETTIMEOUTMS}) {
    sum += std::chrono::milliseconds(mongoc_uri_get_option_as_int32(pool_->uri(), option, 0));
  }
  return sum;
}

std::unique_ptr<ChangeSource> Deployment::make_change_source(const SourceOptions& options) const {
  return std::make_unique<ChangeStreamSource>(pool_, options);
}

}  // namespace dualsync
