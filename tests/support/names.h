// The collection that most tests are about.
#pragma once

#include "dualsync/model/namespace.h"

namespace dualsync {

inline const Namespace kBills{"shop", "bills"};
inline const Namespace kItems{"shop", "items"};

}  // namespace dualsync
