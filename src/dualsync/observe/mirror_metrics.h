// MirrorMetrics: the figures of a mirror for Prometheus, in its text format.
//
// Shape    docs/monitoring.md; every name begins with dualsync_. What is not known yet has no sample
// Rule     figures come from one Status at the time they are asked for, so that they say the same as health and the
//          API; only the histograms are kept here
// Threads  any
// Source   https://prometheus.io/docs/practices/naming/
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dualsync/model/status.h"

namespace dualsync {

class MirrorMetrics {
 public:
  MirrorMetrics();
  ~MirrorMetrics();
  MirrorMetrics(const MirrorMetrics&) = delete;
  MirrorMetrics& operator=(const MirrorMetrics&) = delete;

  // One batch that the backup answered, and for each of its acknowledged operations how long it took from capture to
  // there. Seconds.
  void add_batch(double seconds, const std::vector<double>& lags);

  std::string text(const Status& status) const;

 private:
  struct Histograms;  // keeps prometheus-cpp out of every includer
  const std::unique_ptr<Histograms> histograms_;
};

}  // namespace dualsync
