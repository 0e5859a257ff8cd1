// Changing a queue whose daemon is stopped: `dualsync queue clear` and `import`.
//
// Threads  plain functions
// Errors   kNotFound: no queue in the directory. kConflict: a daemon runs on it. kUnsupported: a newer format.
//          kCorruption, kIo
#pragma once

#include <string>
#include <vector>

#include "dualsync/codec/operation_json.h"
#include "dualsync/queue/queue_types.h"

namespace dualsync {

struct ClearedQueue {
  std::uint64_t operations = 0;
  std::vector<Namespace> dirty;  // compared and repaired at the next start; {"", ""}: everything
  std::uint64_t unreadable = 0;  // damaged records: nobody knows what they concerned, so everything is dirty
};

// Removes every operation together with marking the namespaces that they concern dirty, in one synced write. Position,
// dirty ranges and dead letters stay. Damaged operations are removed too.
Result<ClearedQueue> clear_queue(const std::string& directory, rocksdb::Env* env = nullptr);

struct ImportedQueue {
  std::uint64_t operations = 0;
  std::uint64_t dirty_ranges = 0;  // of DDL changes that were imported as touches
};

// Appends the operations of a file that export_queue() wrote. All of it is checked before anything is stored:
// kInvalidArgument names the entry (from 1) and its field. As touches, unless rules.as_recorded: then with the content
// of the file, which must not be older than what the backup holds.
Result<ImportedQueue> import_queue(const QueueOptions& options, const std::string& file, const JsonRules& rules);

}  // namespace dualsync
