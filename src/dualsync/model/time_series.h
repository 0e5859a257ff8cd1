// A time series collection of local: it has no change stream, so it is mirrored by comparing it now and then.
#pragma once

#include <cstdint>
#include <optional>

#include "dualsync/model/namespace.h"

namespace dualsync {

struct TimeSeriesStatus {
  Namespace ns;                             // as local names it
  std::optional<std::int64_t> mirrored_ms;  // Unix time: what local held then is on the backup; none: not yet
  std::uint64_t measurements = 0;           // that local held then

  bool operator==(const TimeSeriesStatus&) const = default;
};

}  // namespace dualsync
