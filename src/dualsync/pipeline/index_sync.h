// IndexSync: the backup has the real indexes; one that its data does not allow yet, or that it refuses, is owed and
// tried again. It stops nothing else.
//
// Shape    owed indexes are kept in the queue's state under `owed/<namespace>/<index name>` -> definition
// Threads  one owner per object
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/model/owed_index.h"
#include "dualsync/pipeline/context.h"

namespace dualsync {

std::string index_name(std::string_view definition);
// The `key` as a server takes it, numbers without their type: indexes of equal keys stand in each other's way.
std::string comparable_index_key(std::string_view definition);
// The definition without what a mirror may change: TTL, version, namespace, build options.
std::string comparable_index(std::string_view definition, bool but_for_hidden = false);

class IndexSync {
 public:
  explicit IndexSync(PipelineContext& context);

  // Builds one index on the backup; owes it when the backup refuses it; replaces one of the same name that is defined
  // differently. `ns` is local's name. kConflict: one of another name is in its way, which only synchronise() finds.
  Result<void> create(const Namespace& ns, std::string_view definition);
  // Makes the backup's indexes those of local, `wanted`; `keep_extra` leaves those that only the backup has, unless
  // they stand in the way. It takes the caller's reader: a repair has one connection to the backup beside the lanes.
  Result<void> synchronise(const Namespace& ns, const std::vector<std::string>& wanted, DocumentReader& backup,
                           bool keep_extra);

  // Tries what is owed again, each once it is due. Returns what is still owed.
  Result<std::vector<OwedIndex>> retry_owed();
  Result<void> forget_owed(const Namespace& ns, const std::string& name = "");  // empty: all of the namespace
  Result<void> move_owed(const Namespace& from, const Namespace& to);

 private:
  struct Tried {
    Backoff backoff{0xa0761d6478bd642fULL};
    SteadyTime next;
    std::string reason;
  };

  Result<void> build(SchemaWriter& schema, const Namespace& ns, std::string_view definition);
  Result<void> owe(const Namespace& ns, std::string_view definition, const Error& why);
  Result<void> settle_owed(const Namespace& ns, const std::string& name);  // it stands
  // Hides or shows an index that differs in nothing else. False in `done`: the backup does not let us.
  Result<void> rehide(SchemaWriter& schema, const Namespace& backup_ns, std::string_view wanted, bool* done);
  // What local has dropped meanwhile is owed no more.
  Result<void> forget_unwanted(const Namespace& ns, const std::vector<std::string>& wanted);

  PipelineContext& context_;
  std::map<std::string, Tried> tried_;  // by the key of the state; what the data does not allow is always due
};

}  // namespace dualsync
