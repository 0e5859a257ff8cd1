#include "dualsync/middleware/reporter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "support/names.h"

namespace dualsync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ReportedChanges document(const std::string& key) {
  ReportedChanges changes;
  changes.documents.push_back({kBills, key});
  return changes;
}

class ReporterTest : public ::testing::Test {
 protected:
  void run(ReporterOptions options = {}) {
    reporter_ = std::make_unique<Reporter>(
        system_clock(), [this](const ReportedChanges& changes) { return take(changes); }, options);
    thread_ = std::jthread([this](const std::stop_token& stop) { reporter_->run(stop); });
  }
  Result<void> take(const ReportedChanges& changes) {
    ++calls_;
    if (fails_ > 0) {
      --fails_;
      return Error{ErrorKind::kIo, "disk full", "", 0};
    }
    const MutexLock lock(mutex_);
    for (const auto& one : changes.documents) keys_.insert(one.document_key);
    ranges_.insert(ranges_.end(), changes.ranges.begin(), changes.ranges.end());
    return {};
  }
  std::multiset<std::string> keys() {
    const MutexLock lock(mutex_);
    return keys_;
  }

  std::atomic<int> fails_{0};
  std::atomic<int> calls_{0};
  Mutex mutex_;
  std::multiset<std::string> keys_;
  std::vector<Namespace> ranges_;
  std::unique_ptr<Reporter> reporter_;
  std::jthread thread_;
};

TEST_F(ReporterTest, AllThatWasAddedByManyThreadsIsToldOnce) {
  run();
  {
    std::vector<std::jthread> writers;
    for (int w = 0; w < 4; ++w) {
      writers.emplace_back([this, w] {
        for (int i = 0; i < 500; ++i) reporter_->add(document(std::to_string(w) + "." + std::to_string(i)));
      });
    }
  }
  ASSERT_TRUE(reporter_->flush(seconds(60)));
  EXPECT_EQ(keys_.size(), 2000U);
  EXPECT_EQ(std::set<std::string>(keys_.begin(), keys_.end()).size(), 2000U);
  EXPECT_EQ(reporter_->view().documents, 2000U);
  EXPECT_LT(calls_, 2000) << "what comes within a moment goes together";
}

TEST_F(ReporterTest, WhatTheQueueDoesNotTakeIsKeptAndTriedAgain) {
  fails_ = 2;
  run();
  reporter_->add(document("1"));
  EXPECT_FALSE(reporter_->flush(milliseconds(50))) << "not told yet";
  EXPECT_EQ(reporter_->view().waiting, 1U);
  ASSERT_TRUE(reporter_->flush(seconds(60)));
  EXPECT_EQ(keys(), std::multiset<std::string>{"1"});
  EXPECT_FALSE(reporter_->view().trouble);
  EXPECT_EQ(calls_, 3);
}

TEST_F(ReporterTest, TroubleIsShownWhileItLasts) {
  fails_ = 1'000'000;
  run();
  reporter_->add(document("1"));
  while (calls_ == 0) std::this_thread::yield();
  while (!reporter_->view().trouble) std::this_thread::yield();
  EXPECT_EQ(reporter_->view().trouble->message, "disk full");
}

TEST_F(ReporterTest, PastTheBoundTheCollectionIsCompared) {
  fails_ = 1;
  ReporterOptions options;
  options.documents_max = 10;
  run(options);
  for (int i = 0; i < 11; ++i) reporter_->add(document(std::to_string(i)));
  ASSERT_TRUE(reporter_->flush(seconds(60)));
  const bool compared = ranges_ == std::vector<Namespace>{kBills};
  EXPECT_TRUE(compared || keys_.size() == 11U) << "nothing is lost, whatever was told before the bound was reached";
}

TEST_F(ReporterTest, MoreThanTheBoundAtOnceIsARange) {
  ReporterOptions options;
  options.documents_max = 10;
  run(options);
  ReportedChanges many;
  for (int i = 0; i < 11; ++i) many.documents.push_back({kBills, std::to_string(i)});
  reporter_->add(std::move(many));
  ASSERT_TRUE(reporter_->flush(seconds(60)));
  EXPECT_TRUE(keys_.empty());
  EXPECT_EQ(ranges_, std::vector<Namespace>{kBills});
}

TEST_F(ReporterTest, WhatIsUnsureWaitsItsWholeTimeAlthoughMoreComes) {
  ReporterOptions options;
  options.unsure_for = milliseconds(300);
  run(options);
  reporter_->add_unsure(document("first"));
  const SteadyTime begun = system_clock().now();
  SteadyTime second;
  bool added = false;
  while (!keys().contains("second")) {
    if (!added && keys().contains("first")) {
      EXPECT_GE(system_clock().now() - begun, milliseconds(300));
    }
    if (!added && system_clock().now() - begun > milliseconds(250)) {
      added = true;
      second = system_clock().now();
      reporter_->add_unsure(document("second"));
    }
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_GE(system_clock().now() - second, milliseconds(300));
  EXPECT_TRUE(keys().contains("first"));
  EXPECT_TRUE(reporter_->flush(seconds(60)));
}

}  // namespace
}  // namespace dualsync
