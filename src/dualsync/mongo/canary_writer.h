// CanaryWriter: writes the canary to local.
//
// Shape    {_id: <installation>, count: <int64>, at: <date>} in `dualsync.canary`
// Threads  one owner
// Errors   kConnectivity; kDenied: this user may not write there
#pragma once

#include <memory>
#include <string>

#include "dualsync/mongo/client_session.h"

namespace dualsync {

class CanaryWriter {
 public:
  CanaryWriter(std::shared_ptr<ClientPool> pool, std::string installation)
      : session_(std::move(pool)), installation_(std::move(installation)) {}

  // Replaces the canary, acknowledged by the majority; the time of that write.
  Result<OpTime> write(std::int64_t count, std::int64_t now_ms);

 private:
  ClientSession session_;
  const std::string installation_;
};

}  // namespace dualsync
