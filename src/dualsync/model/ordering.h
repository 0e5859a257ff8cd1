// In which order the backup gets what local did (SYNC_ORDERING).
#pragma once

#include <cstdint>

namespace dualsync {

enum class Ordering : std::uint8_t {
  kDocument,  // in order per document and around DDL changes; merged, in parallel
  kStrict,    // in local's order across everything; see docs/adr/0006-strict-ordering.md
};

}  // namespace dualsync
