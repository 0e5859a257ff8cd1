// The samples of a day -> its report.
//
// Threads  pure; any
#pragma once

#include <deque>

#include "dualsync/model/day_report.h"

namespace dualsync {

inline constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

// `samples` in the order of their times; those that ended more than a day before `now_ms` are left out.
DayReport day_report(const std::deque<MinuteSample>& samples, const Status& now, std::int64_t now_ms);

}  // namespace dualsync
