// ClusterClock: what local's clock shows now, as far as can be told without asking it: the age of a write is measured
// against that, since this machine's own clock may be set while the daemon runs.
//
// Rule     goes on by a clock that nobody sets, suspend included. Begins with the wall clock, and is never behind what
//          local has written. A wall clock that says something else later is believed only if local says so too
// Units    seconds since 1970
// Threads  none of its own: guarded by who owns it
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include "dualsync/base/clock.h"
#include "dualsync/model/op_time.h"

namespace dualsync {

class ClusterClock {
 public:
  // `newest` is the newest time that capture has read of local. Called about once a second.
  void look(OpTime newest, double wall, BootTime now) {
    if (!seen_) {
      seen_ = Seen{wall, now};
    } else if (newest > newest_ && std::abs(wall - at(now)) > kSlew) {
      // One of the two was set. What local has just written is nearer to the right one.
      const double written = newest.t;
      if (std::abs(wall - written) < std::abs(at(now) - written)) seen_ = Seen{wall, now};
    }
    newest_ = std::max(newest_, newest);
    if (at(now) < newest_.t) seen_ = Seen{static_cast<double>(newest_.t), now};
  }

  // Empty before the first look.
  std::optional<double> seconds(BootTime now) const { return seen_ ? std::optional(at(now)) : std::nullopt; }

 private:
  struct Seen {
    double seconds = 0;
    BootTime when;
  };

  static constexpr double kSlew = 2;  // by how much two right clocks may differ

  double at(BootTime now) const { return seen_->seconds + std::chrono::duration<double>(now - seen_->when).count(); }

  std::optional<Seen> seen_;
  OpTime newest_;
};

}  // namespace dualsync
