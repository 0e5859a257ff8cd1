// SchemaRepair: makes what a name on the backup is apart from its documents as local has it: collection or view,
// options, indexes, a view's definition.
//
// Rule     what the backup refuses stops nothing: an index is owed (IndexSync), all else becomes a dead letter of its
//          own, and the documents go on as far as they can
// Rule     what stands in the way is dropped as SYNC_ON_DROP says; `keep` archives it, because its name is needed
// Threads  one owner
// Errors   those that are no refusal (refusal.h)
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dualsync/pipeline/context.h"
#include "dualsync/pipeline/index_sync.h"

namespace dualsync {

// What becomes of a collection on the backup, and why it has to go.
enum class Removal : std::uint8_t { kDropped, kNameNeeded };

// Takes a collection of the backup away as SYNC_ON_DROP says: archived under another name (when it holds anything),
// dropped, or left. One that is not there is a success.
Result<void> remove_collection(PipelineContext& context, DocumentReader& backup, SchemaWriter& schema,
                               const Namespace& backup_ns, OpTime when, Removal why);

Result<std::optional<CollectionInfo>> find_collection(DocumentReader& reader, const Namespace& ns);

class SchemaRepair {
 public:
  // The readers and the writer are the caller's: a repair has one connection to the backup beside the lanes.
  SchemaRepair(PipelineContext& context, IndexSync& indexes, DocumentReader& backup, SchemaWriter& schema)
      : context_(context), indexes_(indexes), backup_(backup), schema_(schema) {}

  // After it there is a collection, view or time series of local's kind. False: the backup takes none.
  Result<bool> prepare(const CollectionInfo& local);
  // What is left to do once it is there. `wanted`: local's indexes.
  Result<void> finish(const CollectionInfo& local, const std::vector<std::string>& wanted, bool keep_extra);
  // Local has no such collection.
  Result<void> remove(const Namespace& ns);

 private:
  Result<bool> replace_view(const CollectionInfo& local, const std::optional<CollectionInfo>& there);
  Result<bool> create(const CollectionInfo& local);
  Result<void> repair_options(const CollectionInfo& local);
  // A dead letter beside the applied position.
  Result<void> refused(std::string_view change, const CollectionInfo& local, const Error& why);

  PipelineContext& context_;
  IndexSync& indexes_;
  DocumentReader& backup_;
  SchemaWriter& schema_;
};

}  // namespace dualsync
