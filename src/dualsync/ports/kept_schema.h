// KeptSchemas: what collections of local truly are where the backup must differ from them, because a mirror neither
// expires nor evicts by its own clock. Restoring puts it back.
//
// Shape    one record for each collection of the backup that has such a thing; docs/formats/backup-state.md
// Order    a change is applied to the newest record, however many write at once
// Threads  one owner
// Errors   kConnectivity, kDenied
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "dualsync/base/result.h"
#include "dualsync/model/namespace.h"

namespace dualsync {

struct TrueSchema {
  std::string options;                              // BSON {capped, size, max, expireAfterSeconds}; empty: none of them
  std::map<std::string, std::int64_t> ttl_seconds;  // by the index's name

  bool empty() const { return options.empty() && ttl_seconds.empty(); }
  bool operator==(const TrueSchema&) const = default;
};

class KeptSchemas {
 public:
  virtual ~KeptSchemas() = default;

  // `ns` as the backup names it. Without a record: an empty one. kCorruption: it does not say what it should.
  virtual Result<TrueSchema> read(const Namespace& ns) = 0;
  virtual Result<void> change(const Namespace& ns, const std::function<void(TrueSchema*)>& edit) = 0;
};

}  // namespace dualsync
