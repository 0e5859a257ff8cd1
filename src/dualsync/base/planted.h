// Planted bugs: mistakes that the simulation must find. The product is compiled without them; a second build of some
// folders, which only tests link, has each behind planted().
//
// Threads  planted_bug is set before anything runs
#pragma once

#include <cstdint>

namespace dualsync {

enum class Bug : std::uint8_t {
  kNone,
  kPositionBeforeBatch,  // the position is on disk before the operations that it covers
  kMergeAcrossDdl,       // an operation merges into one that stands before a DDL change
  kDroppedTouch,         // a touch that has read its document is taken for done
  kAckBeforeWrite,       // an operation whose write failed for want of a connection is taken for done
  kStaleInsert,          // an insert that finds its document there overwrites it
  kMergeIntoFlight,      // what comes while an operation is in flight goes with it
  kAppliedTooHigh,       // the applied position is the captured one
  kHeldLost,             // what waited on disk while its namespace was held is not come back to
  kGapForgotten,         // a lost position makes no dirty range
  kDeltaToMissingDone,   // a delta that matches nothing is taken for done
  kTouchPastDdl,         // what a touch reads counts at once
  kUnsyncedReport,       // sync() does nothing
  kSessionPerBatch,      // a lane forgets its session after a failure
  kDdlSettlesGap,        // a drop or rename settles a gap that was found behind it
  kLookCountsAtOnce,     // a repair is finished before capture has passed what it looked at
};

#ifdef DUALSYNC_PLANTED_BUGS
inline Bug planted_bug = Bug::kNone;
inline bool planted(Bug bug) { return planted_bug == bug; }
#else
constexpr bool planted(Bug /*bug*/) { return false; }
#endif

}  // namespace dualsync
