// DdlApplier: brings DDL changes to the backup, one at a time, each behind everything that came before it.
//
// Rule     a drop is not repeated on the backup as it is: SYNC_ON_DROP decides (archive by default)
// Rule     what cannot be done exactly marks its namespaces dirty; it is never forgotten
// Rule     a change of another collection than the one that a name on the backup stands for is not repeated
// Threads  run() is the thread
#pragma once

#include <stop_token>

#include "dualsync/pipeline/archive_keeper.h"
#include "dualsync/pipeline/collection_binding.h"
#include "dualsync/pipeline/context.h"
#include "dualsync/pipeline/index_sync.h"

namespace dualsync {

class DdlApplier {
 public:
  explicit DdlApplier(PipelineContext& context);

  Result<void> run(std::stop_token stop);
  // Brings the next change to the backup, if it is its turn; waits for that unless `stop` is requested already.
  Result<void> step(std::stop_token stop);

 private:
  struct Outcome {
    std::vector<DirtyRange> dirty;
    std::vector<Namespace> clean;
  };

  Result<void> handle(const TakenDdl& ddl, std::stop_token stop);
  Result<Outcome> apply(const DdlEvent& event);
  Result<Outcome> repeat(const DdlEvent& event);
  std::vector<DirtyRange> all_dirty(const DdlEvent& event, const std::string& reason) const;
  Result<Outcome> apply_create(const DdlEvent& event);
  Result<Outcome> apply_create_indexes(const DdlEvent& event);
  Result<Outcome> apply_drop_indexes(const DdlEvent& event);
  Result<Outcome> apply_modify(const DdlEvent& event);
  Result<Outcome> repair_schema(const DdlEvent& event);
  Result<bool> replaces_at_once(const Namespace& to);
  Result<Outcome> apply_rename(const DdlEvent& event);
  Result<Outcome> apply_drop_database(const DdlEvent& event);
  bool is_dirty(const Namespace& ns) const;
  DirtyRange dirty(const Namespace& ns, const std::string& reason, const DdlEvent& event) const;

  PipelineContext& context_;
  CollectionBinding binding_;
  Backoff backoff_;
  std::unique_ptr<DocumentReader> backup_;  // both only while a change is applied: connections are few
  std::unique_ptr<SchemaWriter> schema_;
  IndexSync indexes_;
  ArchiveKeeper archives_;
};

}  // namespace dualsync
