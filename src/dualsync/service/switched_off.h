// SwitchedOff: what answers while SYNC_ENABLED is not true. Nothing is touched.
#pragma once

#include <string>
#include <vector>

#include "dualsync/ports/control.h"

namespace dualsync {

class SwitchedOff final : public Control {
 public:
  Status status() const override;
  DayReport report() const override;
  std::string prometheus_text() const override;
  Result<WaitOutcome> wait(std::chrono::milliseconds) override { return off(); }
  Result<std::vector<DeadLetter>> dead_letters(std::size_t) const override { return off(); }
  Result<void> retry_dead_letter(SeqNo) override { return off(); }
  Result<void> discard_dead_letter(SeqNo) override { return off(); }
  Result<FullSyncStatus> start_full_sync(const FullSyncRequest&) override { return off(); }
  Result<FullSyncStatus> cancel_full_sync() override { return off(); }
  FullSyncStatus full_sync() const override { return {}; }
  Result<QueueListing> queue_listing(std::size_t) const override { return off(); }
  Result<HeldDecision> decide_held(const Namespace&, bool) override { return off(); }
  Result<WithheldPage> held_documents(const Namespace&, const std::string&, std::size_t) const override {
    return off();
  }
  Result<ReportOutcome> report_changes(const ReportedChanges&) override { return off(); }
  Result<Status> pause() override { return off(); }
  Result<Status> resume() override { return off(); }
  Result<DrillStatus> start_drill(const DrillOrder&) override { return off(); }
  DrillStatus drill() const override { return {}; }
  Result<VerifyStatus> start_verify(const VerifyOrder&) override { return off(); }
  VerifyStatus verify() const override { return {}; }

 private:
  static Error off();
};

}  // namespace dualsync
