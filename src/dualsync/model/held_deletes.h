// What the mass-delete guard shows of one collection.
#pragma once

#include <cstdint>

#include "dualsync/model/namespace.h"

namespace dualsync {

struct HeldDeletes {
  Namespace ns;
  bool held = false;            // it has tripped there, and nobody has decided
  std::uint64_t documents = 0;  // whose deletes are held now
  std::uint64_t discarded = 0;  // documents that stay although local deleted them
  std::uint64_t deletes = 0;    // that tripped it, as far as they were known
  std::uint64_t of = 0;         // documents of the collection, before
  std::int64_t since_ms = 0;    // Unix time
};

// What a person decided.
struct HeldDecision {
  Namespace ns;
  bool release = false;
  std::uint64_t documents = 0;  // that were held when it was said
};

}  // namespace dualsync
