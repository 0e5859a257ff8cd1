// What becomes of a collection on the backup when local drops it (SYNC_ON_DROP).
#pragma once

#include <cstdint>

namespace dualsync {

enum class OnDrop : std::uint8_t {
  kArchive,  // renamed to `<name>__dropped_<UTC time>`
  kMirror,   // dropped
  kKeep,     // left as it is
};

}  // namespace dualsync
