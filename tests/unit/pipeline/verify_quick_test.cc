// Comparing by digests: what both servers say is equal is not read, what is not is found as if everything had been.
#include <set>

#include "dualsync/pipeline/quick_compare.h"
#include "support/verify_fixture.h"

namespace dualsync {
namespace {

using std::chrono::hours;

class QuickCompareTest : public ::testing::Test {
 protected:
  static constexpr int kDocuments = 25'000;  // three ranges

  QuickCompareTest() {
    for (test::FakeServer* server : {&local_, &backup_}) {
      server->digests = true;
      for (int id = 0; id < kDocuments; ++id) server->put(kBills, test::document(std::to_string(id), id));
    }
  }
  Result<CompareCounts> run(QuickCompare* compare) {
    found_.clear();
    return compare->run(
        kBills, kBills, kDocuments, {},
        [&](const FoundDifference& difference) -> Result<void> {
          const auto& known = difference.local.empty() ? difference.backup : difference.local;
          found_.emplace(difference.kind, id_key_of(known));
          return {};
        },
        [](const CompareCounts&) {});
  }
  int reads() const { return local_.scans + backup_.scans; }

  test::FakeServer local_;
  test::FakeServer backup_;
  test::FakeReader local_reader_{local_};
  test::FakeReader backup_reader_{backup_};
  std::set<std::pair<DifferenceKind, std::string>> found_;
};

TEST_F(QuickCompareTest, WhatIsEqualIsNotRead) {
  QuickCompare compare(local_reader_, backup_reader_);
  const auto counts = run(&compare);
  ASSERT_TRUE(counts.ok()) << counts.error().message;
  EXPECT_EQ(counts->local, 25'000U);
  EXPECT_EQ(counts->backup, 25'000U);
  EXPECT_EQ(compare.by_digest(), 25'000U);
  EXPECT_EQ(reads(), 0);
  EXPECT_TRUE(found_.empty());
}

TEST_F(QuickCompareTest, OnlyARangeThatDiffersIsRead) {
  backup_.put(kBills, test::document("12", 13));
  backup_.data[kBills].erase(test::id_key("15"));
  backup_.put(kBills, test::document("12.5", 1));
  QuickCompare compare(local_reader_, backup_reader_);
  const auto counts = run(&compare);
  ASSERT_TRUE(counts.ok()) << counts.error().message;
  EXPECT_EQ(counts->local, 25'000U);
  EXPECT_EQ(counts->backup, 25'000U);
  EXPECT_EQ(reads(), 2) << "one range, on both sides";
  EXPECT_EQ(found_,
            (std::set<std::pair<DifferenceKind, std::string>>{{DifferenceKind::kContent, test::id_key("12")},
                                                              {DifferenceKind::kMissing, test::id_key("15")},
                                                              {DifferenceKind::kForeign, test::id_key("12.5")}}));
  EXPECT_GT(compare.by_digest(), 15'000U);
  EXPECT_LT(compare.by_digest(), 20'000U);
}

TEST_F(QuickCompareTest, ADifferenceInEachRangeIsFound) {
  for (const char* id : {"0", "9999", "24999"}) backup_.put(kBills, test::document(id, -1));
  backup_.put(kBills, test::document("25000", 1));
  QuickCompare compare(local_reader_, backup_reader_);
  ASSERT_TRUE(run(&compare).ok());
  EXPECT_EQ(found_.size(), 4U);
}

TEST_F(QuickCompareTest, WithoutDigestsEverythingIsRead) {
  for (test::FakeServer* without : {&local_, &backup_}) {
    without->digests = false;
    backup_.put(kBills, test::document("12", 13));
    QuickCompare compare(local_reader_, backup_reader_);
    ASSERT_TRUE(run(&compare).ok());
    EXPECT_EQ(found_.size(), 1U);
    EXPECT_EQ(compare.by_digest(), 0U);
    EXPECT_NE(compare.obstacle().find(without == &local_ ? "local" : "backup"), std::string::npos);
    without->digests = true;
    ASSERT_TRUE(run(&compare).ok());
    EXPECT_EQ(compare.by_digest(), 0U) << "a server that cannot is not asked again";
    EXPECT_EQ(found_.size(), 1U);
  }
}

TEST_F(QuickCompareTest, AServerThatIsAwayIsNoServerWithoutDigests) {
  backup_.down = true;
  QuickCompare compare(local_reader_, backup_reader_);
  const auto counts = run(&compare);
  ASSERT_FALSE(counts.ok());
  EXPECT_EQ(counts.error().kind, ErrorKind::kConnectivity);
  EXPECT_NE(counts.error().message.find("backup"), std::string::npos);
  EXPECT_TRUE(compare.obstacle().empty());
}

class VerifyQuickTest : public test::VerifyFixture {
 protected:
  void SetUp() override {
    local_.digests = backup_.digests = true;
    test::VerifyFixture::SetUp();
    EXPECT_FALSE(step()) << "the schedule begins to count";
  }
  // The comparison of the schedule that is due after `pause`.
  VerifyStatus later(std::chrono::milliseconds pause) {
    clock_.advance(pause);
    EXPECT_TRUE(step());
    const VerifyStatus status = service_->view();
    EXPECT_EQ(status.state, VerifyStatus::State::kDone);
    EXPECT_TRUE(status.scheduled);
    return status;
  }
};

TEST_F(VerifyQuickTest, TheScheduleReadsEverythingAtFirstAndThenOnceInItsFullInterval) {
  full_interval_ = hours(3);
  restart();
  EXPECT_FALSE(later(hours(1)).quick);
  for (int i = 0; i < 2; ++i) {
    const VerifyStatus quick = later(hours(1));
    EXPECT_TRUE(quick.quick);
    EXPECT_EQ(quick.by_digest(), 6U);
    EXPECT_FALSE(quick.verified_until.is_null());
  }
  const VerifyStatus full = later(hours(1));
  EXPECT_FALSE(full.quick);
  EXPECT_EQ(full.by_digest(), 0U);
  EXPECT_TRUE(later(hours(1)).quick);
}

TEST_F(VerifyQuickTest, ARestartForgetsNothingOfThat) {
  EXPECT_FALSE(later(hours(1)).quick);
  EXPECT_TRUE(later(hours(1)).quick);
  restart();
  EXPECT_TRUE(service_->view().quick);
  EXPECT_EQ(service_->view().by_digest(), 6U);
  EXPECT_TRUE(later(hours(1)).quick);
}

TEST_F(VerifyQuickTest, AFullIntervalOfZeroReadsEverythingEachTime) {
  full_interval_ = std::chrono::milliseconds(0);
  restart();
  EXPECT_FALSE(later(hours(1)).quick);
  EXPECT_FALSE(later(hours(1)).quick);
}

TEST_F(VerifyQuickTest, AFullOneThatFailedOrTellsOnlyIsDueStill) {
  ask({{}, false, true});
  EXPECT_FALSE(later(hours(1)).quick) << "one by digests is no reading";
  clock_.advance(hours(24));
  backup_.down = true;
  EXPECT_TRUE(step());
  EXPECT_EQ(service_->view().state, VerifyStatus::State::kFailed);
  backup_.down = false;
  EXPECT_FALSE(later(hours(1)).quick);
}

TEST_F(VerifyQuickTest, WhatDigestsTellIsRepairedAsWell) {
  const auto mirror = this->mirror();
  EXPECT_FALSE(later(hours(1)).quick);
  backup_.put(kBills, test::document("3", 99));
  const VerifyStatus status = later(hours(1));
  EXPECT_TRUE(status.quick);
  EXPECT_EQ(status.difference_count(), 1U);
  EXPECT_EQ(status.repaired, std::optional<bool>(true));
  EXPECT_EQ(backup_.data, local_.data);
}

}  // namespace
}  // namespace dualsync
