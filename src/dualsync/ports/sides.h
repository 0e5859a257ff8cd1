// The two servers, as the pipeline sees them: each hands out readers and writers, one owner each.
//
// Threads  the factories may be called by any thread; what they return has one owner
// Errors   the factories do not touch the network; the objects' calls do
#pragma once

#include <memory>

#include "dualsync/ports/change_source.h"
#include "dualsync/ports/document_store.h"

namespace dualsync {

class LocalSide {
 public:
  virtual ~LocalSide() = default;
  virtual std::unique_ptr<ChangeSource> make_change_source() = 0;
  virtual std::unique_ptr<DocumentReader> make_reader() = 0;
};

class BackupSide {
 public:
  virtual ~BackupSide() = default;
  virtual std::unique_ptr<DocumentReader> make_reader() = 0;
  virtual std::unique_ptr<BackupWriter> make_writer() = 0;
  virtual std::unique_ptr<SchemaWriter> make_schema_writer() = 0;
};

}  // namespace dualsync
