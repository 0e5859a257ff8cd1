// MongoLocalProbe: LocalProbe over one connection.
//
// Shape    the marker is {_id: "marker", id: <text>, mark: <count>} in `dualsync.marker`
// Threads  one owner
// Errors   as ports/local_probe.h
#pragma once

#include <memory>
#include <string>

#include "dualsync/mongo/client_session.h"
#include "dualsync/ports/local_probe.h"

namespace dualsync {

class MongoLocalProbe final : public LocalProbe {
 public:
  explicit MongoLocalProbe(std::shared_ptr<ClientPool> pool) : session_(std::move(pool)) {}

  Result<std::string> instance() override;
  Result<FoundLocal> identify() override;
  Result<LocalIdentity> raise_marker(const std::string& new_id) override;

 private:
  Result<std::string> read_set_id();
  Result<std::optional<LocalIdentity>> read_marker();

  ClientSession session_;
};

}  // namespace dualsync
