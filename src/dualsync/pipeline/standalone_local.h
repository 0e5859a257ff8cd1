// StandaloneLocal: a local without change stream and cluster times, as the rest of the pipeline wants to see one.
//
// Shape    times are of our own clock, {Unix seconds, milliseconds + 1}, and only grow; positions carry the token
//          Position::kNoStream, which no change stream accepts, so that a local which became a replica set is compared
// Rule     nothing is captured here: what changes is told by middleware or found by comparing (Reconciler). Capture
//          passes a time by waiting for it, so everything that waits for capture (reads, copies, `wait`) works as ever
// Threads  as ports/sides.h
#pragma once

#include <atomic>
#include <memory>

#include "dualsync/base/clock.h"
#include "dualsync/model/op_time.h"
#include "dualsync/ports/sides.h"

namespace dualsync {

// Of all readers and sources of one local.
class StandaloneClock {
 public:
  explicit StandaloneClock(const Clock& clock) : clock_(clock) {}
  OpTime now();              // later than every time that it gave before
  void passed(OpTime time);  // an earlier process was there already

 private:
  const Clock& clock_;
  std::atomic<std::uint64_t> last_{0};
};

class StandaloneLocal final : public LocalSide {
 public:
  StandaloneLocal(LocalSide& inner, const Clock& clock) : inner_(inner), clock_(clock), times_(clock) {}
  std::unique_ptr<ChangeSource> make_change_source() override;
  std::unique_ptr<DocumentReader> make_reader() override;

 private:
  LocalSide& inner_;
  const Clock& clock_;
  StandaloneClock times_;
};

}  // namespace dualsync
