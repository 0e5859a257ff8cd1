// A local that is gone for good: every read fails, and its identity is what the queue remembers.
//
// Threads  as the ports
#pragma once

#include "dualsync/model/local_identity.h"
#include "dualsync/ports/local_probe.h"
#include "dualsync/ports/sides.h"

namespace dualsync {

class AbsentLocal final : public LocalSide {
 public:
  std::unique_ptr<ChangeSource> make_change_source() override;
  std::unique_ptr<DocumentReader> make_reader() override;
};

// Says of local what is known of it, so that the backup can be checked to be that local's.
class RememberedLocal final : public LocalProbe {
 public:
  RememberedLocal(LocalIdentity identity, OpTime newest) : found_{std::move(identity), true, newest} {}
  Result<std::string> instance() override { return std::string("remembered"); }
  Result<FoundLocal> identify() override { return found_; }
  Result<LocalIdentity> raise_marker(const std::string& /*new_id*/) override { return found_.identity; }

 private:
  const FoundLocal found_;
};

}  // namespace dualsync
