// VerifyRepair: makes the backup equal to local where a comparison found that it is not.
//
// Shape    documents by touches of just those that differ; whole namespaces as dirty ranges where indexes, options or
//          views differ, or more documents than were named. Only lanes, DDL and full sync write
// Rule     a collection that only the backup has is left alone: it may be somebody else's
// Threads  one owner
// Errors   kStopped; kConnectivity, kRefused: the repair stays in the queue, but cannot be waited for; the queue's own
#pragma once

#include <functional>
#include <set>
#include <stop_token>
#include <vector>

#include "dualsync/model/status.h"
#include "dualsync/model/verify_report.h"
#include "dualsync/pipeline/context.h"

namespace dualsync {

class VerifyRepair {
 public:
  // `refused`: the namespaces that full sync is refused, time and again.
  VerifyRepair(PipelineContext& context, std::function<std::vector<RefusedRepair>()> refused)
      : context_(context), refused_(std::move(refused)) {}

  // Puts into the queue what `report` takes. False: nothing of it can be repaired.
  Result<bool> enqueue(const NamespaceReport& report);
  // Returns once everything that was enqueued is on the backup or a dead letter.
  Result<void> wait(const std::stop_token& stop);
  const std::set<Namespace>& namespaces() const { return namespaces_; }  // in which something was enqueued

 private:
  Result<void> touch(const NamespaceReport& report);
  Result<void> may_wait_for(const std::vector<DirtyRange>& waiting) const;

  PipelineContext& context_;
  const std::function<std::vector<RefusedRepair>()> refused_;
  std::set<Namespace> namespaces_;
};

}  // namespace dualsync
