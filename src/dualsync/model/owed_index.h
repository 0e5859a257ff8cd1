// An index of local that the backup does not have yet.
#pragma once

#include <string>

#include "dualsync/model/namespace.h"

namespace dualsync {

struct OwedIndex {
  Namespace ns;  // as local names it
  std::string name;
  std::string reason;  // in words: what the backup answered

  bool operator==(const OwedIndex&) const = default;
};

}  // namespace dualsync
