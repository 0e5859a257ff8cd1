// MongoStorageProbe: StorageProbe by `dbStats` and `$collStats`.
//
// Threads  one owner
// Errors   as ports/storage_probe.h
#pragma once

#include <memory>

#include "dualsync/mongo/client_session.h"
#include "dualsync/ports/storage_probe.h"

namespace dualsync {

class MongoStorageProbe final : public StorageProbe {
 public:
  explicit MongoStorageProbe(std::shared_ptr<ClientPool> pool) : session_(std::move(pool)) {}

  Result<std::optional<std::uint64_t>> free_bytes() override;
  Result<std::optional<std::uint64_t>> stored_bytes(const Namespace& ns) override;

 private:
  ClientSession session_;
};

}  // namespace dualsync
