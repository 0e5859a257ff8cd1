// MongoSchemaWriter: SchemaWriter over one connection, acknowledged by the majority.
//
// Order    each call is one command (a rename or drop that broke off may have happened: the caller sees kNotFound then)
// Threads  one owner
// Errors   as ports/document_store.h; kConflict: an index or collection of that name that differs is in the way
#pragma once

#include <memory>
#include <string>

#include "dualsync/mongo/client_session.h"
#include "dualsync/mongo/schema_commands.h"
#include "dualsync/ports/document_store.h"

namespace dualsync {

class MongoSchemaWriter final : public SchemaWriter {
 public:
  // `gate`: asked before each command; null: everything may be written.
  MongoSchemaWriter(std::shared_ptr<ClientPool> pool, const WriteGate* gate, SchemaForm form)
      : session_(std::move(pool)), form_(form) {
    session_.set_gate(gate);
  }

  Result<void> create_collection(const Namespace& ns, std::string_view options) override;
  Result<void> create_index(const Namespace& ns, std::string_view definition) override;
  Result<void> drop_index(const Namespace& ns, const std::string& name) override;
  Result<void> modify_collection(const Namespace& ns, std::string_view changes) override;
  Result<void> rename(const Namespace& from, const Namespace& to, bool drop_target) override;
  Result<void> drop(const Namespace& ns) override;

 private:
  Result<void> send(const std::string& db, BsonDoc* command, const std::string& what);

  ClientSession session_;
  const SchemaForm form_;
};

}  // namespace dualsync
