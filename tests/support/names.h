// The collection that most tests are about.
#pragma once

#include "dualsync/model/namespace.h"

namespace dualsync {

inline const Namespace kBills{"shop", "bills"};

}  // namespace dualsync
