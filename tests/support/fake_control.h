// A Control whose answers a test sets. wait() can be held until the test releases it.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <utility>

#include "dualsync/base/mutex.h"
#include "dualsync/ports/control.h"

namespace dualsync::test {

class FakeControl final : public Control {
 public:
  Status status() const override {
    const MutexLock lock(mutex_);
    return status_;
  }
  DayReport report() const override {
    DayReport report;
    report.captured = 42;
    report.words = {"All was well."};
    return report;
  }
  std::string prometheus_text() const override { return "dualsync_enabled 1\n"; }
  Result<WaitOutcome> wait(std::chrono::milliseconds timeout) override {
    const MutexLock lock(mutex_);
    last_timeout_ = timeout;
    ++waiting_;
    changed_.notify_all();
    while (held_) changed_.wait(mutex_);
    --waiting_;
    return outcome_;
  }

  Result<std::vector<DeadLetter>> dead_letters(std::size_t limit) const override {
    const MutexLock lock(mutex_);
    std::vector<DeadLetter> letters;
    for (const auto& [id, letter] : letters_) {
      if (letters.size() < limit) letters.push_back(letter);
    }
    return letters;
  }
  Result<void> retry_dead_letter(SeqNo id) override {
    const MutexLock lock(mutex_);
    if (!letters_.contains(id)) return Error{ErrorKind::kNotFound, "no such dead letter", "", 0};
    retried_.push_back(id);
    return {};
  }
  Result<void> discard_dead_letter(SeqNo id) override {
    const MutexLock lock(mutex_);
    if (letters_.erase(id) == 0) return Error{ErrorKind::kNotFound, "no such dead letter", "", 0};
    return {};
  }

  Result<QueueListing> queue_listing(std::size_t limit) const override {
    const MutexLock lock(mutex_);
    QueueListing listing = listing_;
    if (listing.operations.size() > limit) listing.operations.resize(limit);
    return listing;
  }
  Result<HeldDecision> decide_held(const Namespace& ns, bool release) override {
    const MutexLock lock(mutex_);
    if (ns != Namespace{"shop", "bills"}) return Error{ErrorKind::kNotFound, "no deletes are held there", "", 0};
    decided_ = {ns, release, 7};
    return decided_;
  }
  HeldDecision decided() const {
    const MutexLock lock(mutex_);
    return decided_;
  }
  // Pages of one of the documents that a test has set; the place of a page is its number.
  Result<WithheldPage> held_documents(const Namespace& ns, const std::string& after, std::size_t limit) const override {
    const MutexLock lock(mutex_);
    WithheldPage page;
    std::size_t i = after.empty() ? 0 : std::stoul(after);
    for (; i < held_documents_.size() && page.documents.size() < limit; ++i) {
      if (ns.db.empty() || held_documents_[i].ns == ns) page.documents.push_back(held_documents_[i]);
    }
    if (i < held_documents_.size()) page.next = std::to_string(i);
    return page;
  }
  void set_held_documents(std::vector<WithheldDocument> documents) {
    const MutexLock lock(mutex_);
    held_documents_ = std::move(documents);
  }
  Result<ReportOutcome> report_changes(const ReportedChanges& changes) override {
    const MutexLock lock(mutex_);
    if (report_failure_) return *report_failure_;
    ++reporting_;
    changed_.notify_all();
    while (held_) changed_.wait(mutex_);
    --reporting_;
    reported_ = changes;
    return ReportOutcome{changes.documents.size(), changes.ranges.size(), 0, true};
  }
  ReportedChanges reported() const {
    const MutexLock lock(mutex_);
    return reported_;
  }
  void fail_reports(std::optional<Error> failure) {
    const MutexLock lock(mutex_);
    report_failure_ = std::move(failure);
  }
  void until_reporting(int count) {
    const MutexLock lock(mutex_);
    while (reporting_ < count) changed_.wait(mutex_);
  }
  Result<Status> pause() override {
    const MutexLock lock(mutex_);
    if (!status_.paused_since_ms) status_.paused_since_ms = 1'700'000'000'000;
    return status_;
  }
  Result<Status> resume() override {
    const MutexLock lock(mutex_);
    status_.paused_since_ms.reset();
    return status_;
  }
  Result<DrillStatus> start_drill(const DrillOrder& order) override {
    const MutexLock lock(mutex_);
    if (drill_.state == DrillStatus::State::kRunning)
      return Error{ErrorKind::kConflict, "a drill is running already", "wait for its end", 0};
    drill_order_ = order;
    drill_.state = DrillStatus::State::kRunning;
    ++drill_.id;
    return drill_;
  }
  DrillStatus drill() const override {
    const MutexLock lock(mutex_);
    return drill_;
  }
  DrillOrder drill_order() const {
    const MutexLock lock(mutex_);
    return drill_order_;
  }
  void set_drill(DrillStatus status) {
    const MutexLock lock(mutex_);
    drill_ = std::move(status);
  }
  void set_listing(QueueListing listing) {
    const MutexLock lock(mutex_);
    listing_ = std::move(listing);
  }

  Result<FullSyncStatus> start_full_sync(const FullSyncRequest& request) override {
    const MutexLock lock(mutex_);
    if (full_sync_.state == FullSyncStatus::State::kRunning)
      return Error{ErrorKind::kConflict, "a full sync is running already", "wait for its end", 0};
    full_sync_request_ = request;
    full_sync_.state = FullSyncStatus::State::kRunning;
    ++full_sync_.id;
    return full_sync_;
  }
  Result<FullSyncStatus> cancel_full_sync() override {
    const MutexLock lock(mutex_);
    if (full_sync_.state != FullSyncStatus::State::kRunning)
      return Error{ErrorKind::kNotFound, "no full sync is running", "", 0};
    full_sync_.state = FullSyncStatus::State::kCancelled;
    return full_sync_;
  }
  FullSyncStatus full_sync() const override {
    const MutexLock lock(mutex_);
    return full_sync_;
  }
  Result<VerifyStatus> start_verify(const VerifyOrder& order) override {
    const MutexLock lock(mutex_);
    if (verify_.state == VerifyStatus::State::kRunning)
      return Error{ErrorKind::kConflict, "a comparison is running already", "wait for its end", 0};
    verify_order_ = order;
    verify_.state = VerifyStatus::State::kRunning;
    ++verify_.id;
    return verify_;
  }
  VerifyStatus verify() const override {
    const MutexLock lock(mutex_);
    return verify_;
  }
  VerifyOrder verify_order() const {
    const MutexLock lock(mutex_);
    return verify_order_;
  }
  void set_verify(VerifyStatus status) {
    const MutexLock lock(mutex_);
    verify_ = std::move(status);
  }
  FullSyncRequest full_sync_request() const {
    const MutexLock lock(mutex_);
    return full_sync_request_;
  }
  void set_full_sync(FullSyncStatus status) {
    const MutexLock lock(mutex_);
    full_sync_ = std::move(status);
  }

  void add_dead_letter(const DeadLetter& letter) {
    const MutexLock lock(mutex_);
    letters_[letter.seq] = letter;
  }
  std::vector<SeqNo> retried() const {
    const MutexLock lock(mutex_);
    return retried_;
  }
  void set_status(Status status) {
    const MutexLock lock(mutex_);
    status_ = std::move(status);
  }
  void set_outcome(Result<WaitOutcome> outcome) {
    const MutexLock lock(mutex_);
    outcome_ = std::move(outcome);
  }
  void hold_waits(bool held) {
    const MutexLock lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void until_waiting(int count) {
    const MutexLock lock(mutex_);
    while (waiting_ < count) changed_.wait(mutex_);
  }
  std::chrono::milliseconds last_timeout() const {
    const MutexLock lock(mutex_);
    return last_timeout_;
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  HeldDecision decided_ DUALSYNC_GUARDED_BY(mutex_);
  std::vector<WithheldDocument> held_documents_ DUALSYNC_GUARDED_BY(mutex_);
  Status status_ DUALSYNC_GUARDED_BY(mutex_);
  Result<WaitOutcome> outcome_ DUALSYNC_GUARDED_BY(mutex_) = WaitOutcome{};
  std::chrono::milliseconds last_timeout_ DUALSYNC_GUARDED_BY(mutex_){};
  std::map<SeqNo, DeadLetter> letters_ DUALSYNC_GUARDED_BY(mutex_);
  std::vector<SeqNo> retried_ DUALSYNC_GUARDED_BY(mutex_);
  FullSyncStatus full_sync_ DUALSYNC_GUARDED_BY(mutex_);
  FullSyncRequest full_sync_request_ DUALSYNC_GUARDED_BY(mutex_);
  VerifyStatus verify_ DUALSYNC_GUARDED_BY(mutex_);
  VerifyOrder verify_order_ DUALSYNC_GUARDED_BY(mutex_);
  DrillStatus drill_ DUALSYNC_GUARDED_BY(mutex_);
  DrillOrder drill_order_ DUALSYNC_GUARDED_BY(mutex_);
  QueueListing listing_ DUALSYNC_GUARDED_BY(mutex_);
  int waiting_ DUALSYNC_GUARDED_BY(mutex_) = 0;
  ReportedChanges reported_ DUALSYNC_GUARDED_BY(mutex_);
  std::optional<Error> report_failure_ DUALSYNC_GUARDED_BY(mutex_);
  int reporting_ DUALSYNC_GUARDED_BY(mutex_) = 0;
  bool held_ DUALSYNC_GUARDED_BY(mutex_) = false;
};

}  // namespace dualsync::test
