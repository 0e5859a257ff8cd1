// Remainder: what the disk holds of a queue that lies in memory (SYNC_PERSIST_QUEUE=false).
//
// Rule     the remainder is true by itself, however old it is: a queue without operations whose position stands before
//          everything that waited when it was saved. It is replaced whole, in one synced write
// Rule     a DDL change is not idempotent, so the time of the newest one that is done is kept at once: read again after
//          a restart, it must not be done twice
// Threads  the queue's lock guards it
// Errors   kIo: the disk took nothing; the next call tries again. The queue in memory goes on meanwhile
#pragma once

#include <rocksdb/write_batch.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "dualsync/model/position.h"
#include "dualsync/queue/rocks_store.h"

namespace dualsync {

inline constexpr std::string_view kMetaDdlDone = "ddl-done";

class Remainder {
 public:
  Remainder(std::string directory, rocksdb::Env* env);
  ~Remainder();

  // The store in memory, with everything that the disk holds.
  Result<std::unique_ptr<RocksStore>> open();
  // Capture has got to here.
  void passed(const Position& position);
  // The newest position passed that is not behind `safe`; forgets those before it.
  std::optional<Position> newest_before(OpTime safe);
  // Replaces the remainder; of the families, those that have changed since the last time.
  struct Changed {
    bool letters = false;
    bool withheld = false;
  };
  Result<void> save(const std::map<std::string, std::string>& meta, RocksStore& memory, const Changed& changed);
  // One name by itself; an empty value forgets it.
  Result<void> put(std::string_view name, std::string_view value);
  Result<void> ddl_done(OpTime time);  // the newest

 private:
  Result<void> reach_disk();
  Result<void> write(rocksdb::WriteBatch* batch);

  const std::string directory_;
  rocksdb::Env* const env_;
  std::unique_ptr<rocksdb::Env> memory_env_;
  std::unique_ptr<RocksStore> disk_;  // null after an error, until it is opened again
  std::deque<Position> checkpoints_;
  std::set<std::string> names_;  // in `meta` on the disk
  std::string written_;          // the last save
  bool had_operations_ = false;
};

}  // namespace dualsync
