// LocalProbe: asks local who it is, and keeps our marker there (`dualsync.marker`).
//
// Threads  one owner
// Errors   kConnectivity, kDenied where a call says so
#pragma once

#include <string>

#include "dualsync/base/result.h"
#include "dualsync/model/local_identity.h"

namespace dualsync {

class LocalProbe {
 public:
  virtual ~LocalProbe() = default;

  // A text that stays equal only while the same server process answers; empty if the server does not tell. Cheap.
  virtual Result<std::string> instance() = 0;
  virtual Result<FoundLocal> identify() = 0;
  // Raises the marker's count by one, acknowledged by the majority; makes the marker with `new_id` if there is none.
  // Returns its id and count. kDenied: this user may not write there.
  virtual Result<LocalIdentity> raise_marker(const std::string& new_id) = 0;
};

}  // namespace dualsync
