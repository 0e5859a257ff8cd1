// MongoKeptSchemas: KeptSchemas in our collection on the backup; KeepingSchemaWriter: a SchemaWriter that fills them.
//
// Shape    docs/formats/backup-state.md
// Order    what is true is kept before the backup is changed: a crash between leaves a record too many, never too few
// Threads  one owner
// Errors   as ports/kept_schema.h and ports/document_store.h
#pragma once

#include <memory>
#include <string>

#include "dualsync/mongo/state_collection.h"
#include "dualsync/ports/document_store.h"
#include "dualsync/ports/kept_schema.h"
#include "dualsync/ports/write_gate.h"

namespace dualsync {

class MongoKeptSchemas final : public KeptSchemas {
 public:
  MongoKeptSchemas(std::shared_ptr<ClientPool> pool, const std::string& database) : state_(std::move(pool), database) {}

  Result<TrueSchema> read(const Namespace& ns) override;
  // kConflict: others changed the record again and again.
  Result<void> change(const Namespace& ns, const std::function<void(TrueSchema*)>& edit) override;

 private:
  StateCollection state_;
};

class KeepingSchemaWriter final : public SchemaWriter {
 public:
  // `gate`: asked before each write; null: everything may be written.
  KeepingSchemaWriter(std::unique_ptr<SchemaWriter> writer, std::unique_ptr<KeptSchemas> kept,
                      std::unique_ptr<DocumentReader> reader, const WriteGate* gate)
      : writer_(std::move(writer)), kept_(std::move(kept)), reader_(std::move(reader)), gate_(gate) {}

  Result<void> create_collection(const Namespace& ns, std::string_view options) override;
  Result<void> create_index(const Namespace& ns, std::string_view definition) override;
  Result<void> drop_index(const Namespace& ns, const std::string& name) override;
  Result<void> modify_collection(const Namespace& ns, std::string_view changes) override;
  Result<void> rename(const Namespace& from, const Namespace& to, bool drop_target) override;
  Result<void> drop(const Namespace& ns) override;
  Result<void> keep_indexes(const Namespace& ns, const std::vector<std::string>& definitions) override;

 private:
  // Asks the gate first.
  Result<void> keep(const Namespace& ns, const std::function<void(TrueSchema*)>& edit);
  // The index that a collMod speaks of, by its name or its key; empty: none.
  Result<std::string> index_of(const Namespace& ns, std::string_view change);

  const std::unique_ptr<SchemaWriter> writer_;
  const std::unique_ptr<KeptSchemas> kept_;
  const std::unique_ptr<DocumentReader> reader_;
  const WriteGate* const gate_;
};

}  // namespace dualsync
