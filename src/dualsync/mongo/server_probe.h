// ServerProbe: what `dualsync doctor` asks of a server beside ServerFacts. Writes nothing.
//
// Units    bytes before compression; Unix time in milliseconds
// Threads  one owner
// Errors   kConnectivity; kDenied where the user may not ask
#pragma once

#include <memory>
#include <string>

#include "dualsync/mongo/client_session.h"
#include "dualsync/mongo/privileges.h"

namespace dualsync {

struct DatabaseSize {
  std::uint64_t bytes = 0;  // documents and indexes
  std::uint64_t collections = 0;
};

class ServerProbe {
 public:
  explicit ServerProbe(std::shared_ptr<ClientPool> pool) : session_(std::move(pool)) {}

  Result<Privileges> privileges();
  Result<std::int64_t> unix_ms();
  Result<DatabaseSize> size(const std::string& db);
  // True for an Atlas cluster of a tier that takes only some commands (M0, Flex).
  Result<bool> is_shared_tier();

 private:
  ClientSession session_;
};

}  // namespace dualsync
