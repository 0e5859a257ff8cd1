// IndexSync: the backup has the real indexes; one that its data does not allow yet is owed and tried again.
//
// Shape    owed indexes are kept in the queue's state under `owed/<namespace>/<index name>` -> definition
// Threads  one owner per object
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dualsync/pipeline/context.h"

namespace dualsync {

std::string index_name(std::string_view definition);
// The `key` as a server takes it, numbers without their type: indexes of equal keys stand in each other's way.
std::string comparable_index_key(std::string_view definition);
// The definition without what a mirror may change: TTL, version, namespace, build options.
std::string comparable_index(std::string_view definition);

class IndexSync {
 public:
  explicit IndexSync(PipelineContext& context);

  // Builds one index on the backup; owes it when the data does not allow it yet; replaces one of the same name that is
  // defined differently. `ns` is local's name.
  Result<void> create(const Namespace& ns, std::string_view definition);
  // Makes the backup's indexes those of local; `keep_extra` leaves those that only the backup has. It takes the
  // caller's readers: a repair has one connection to the backup beside the lanes.
  Result<void> synchronise(const Namespace& ns, DocumentReader& local, DocumentReader& backup, bool keep_extra);

  // Tries what is owed again. Returns how many are still owed.
  Result<std::size_t> retry_owed();
  Result<void> forget_owed(const Namespace& ns, const std::string& name = "");  // empty: all of the namespace
  Result<void> move_owed(const Namespace& from, const Namespace& to);

 private:
  Result<void> build(SchemaWriter& schema, const Namespace& ns, std::string_view definition);
  Result<void> owe(const Namespace& ns, std::string_view definition, const Error& why);

  PipelineContext& context_;
};

}  // namespace dualsync
