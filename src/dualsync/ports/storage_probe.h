// StorageProbe: how much a server says that it stores, and has room for.
//
// Units    bytes, before compression for what is stored
// Threads  one owner
// Errors   kConnectivity. What a server or a user's rights do not tell is no error, but nothing
#pragma once

#include <cstdint>
#include <optional>

#include "dualsync/base/result.h"
#include "dualsync/model/namespace.h"

namespace dualsync {

class StorageProbe {
 public:
  virtual ~StorageProbe() = default;

  // Free on the file system of the server's data.
  virtual Result<std::optional<std::uint64_t>> free_bytes() = 0;
  // Documents and indexes of a collection.
  virtual Result<std::optional<std::uint64_t>> stored_bytes(const Namespace& ns) = 0;
};

}  // namespace dualsync
