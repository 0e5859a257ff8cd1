#include "dualsync/pipeline/verify_service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "support/verify_fixture.h"

namespace dualsync {
namespace {

using VerifyState = VerifyStatus::State;
using std::chrono::hours;
using std::chrono::minutes;
using test::document;
using test::id_key;

const Namespace& kGoods = test::kVerifiedGoods;
using VerifyServiceTest = test::VerifyFixture;

TEST_F(VerifyServiceTest, EqualSidesAreProvenUpToItsBeginning) {
  EXPECT_EQ(service_->view().state, VerifyState::kIdle);
  const VerifyStatus done = ask({});
  EXPECT_EQ(done.state, VerifyState::kDone);
  EXPECT_EQ(done.verified_until, (OpTime{10, 1}));
  EXPECT_EQ(proven_, (std::vector<OpTime>{{10, 1}}));
  ASSERT_EQ(done.parts.size(), 2U);
  EXPECT_EQ(done.parts[0].documents_done, 5U);
  EXPECT_EQ(done.parts[0].documents_total, 5U);
  EXPECT_EQ(done.parts[0].state, VerifyPart::State::kDone);
  EXPECT_FALSE(step()) << "an order is carried out once";
}

TEST_F(VerifyServiceTest, APartProvesNothingOfTheWhole) {
  const VerifyStatus done = ask({{"goods"}, false});
  EXPECT_EQ(done.state, VerifyState::kDone);
  EXPECT_FALSE(done.whole);
  EXPECT_EQ(done.parts.size(), 1U);
  EXPECT_TRUE(proven_.empty());
  EXPECT_TRUE(done.verified_until.is_null());
}

TEST_F(VerifyServiceTest, RefusesWhatItCannotDo) {
  const auto unknown = service_->start({{"thinks"}, false});
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(unknown.error().message.find("thinks"), std::string::npos);
  obstacle_ = "the backup is offline";
  const auto blocked = service_->start({});
  ASSERT_FALSE(blocked.ok());
  EXPECT_EQ(blocked.error().kind, ErrorKind::kConflict);
  EXPECT_NE(blocked.error().message.find(obstacle_), std::string::npos);
  obstacle_.clear();
  ASSERT_TRUE(service_->start({}).ok());
  const auto second = service_->start({});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(service_->view().id, 1U);
}

TEST_F(VerifyServiceTest, OnRequestItOnlyTells) {
  backup_.put(kBills, document("2", 77));
  backup_.data[kBills].erase(id_key("3"));
  backup_.put(kGoods, document("9", 9));
  const VerifyStatus done = ask({});
  EXPECT_EQ(done.state, VerifyState::kDone);
  EXPECT_EQ(done.difference_count(), 3U);
  ASSERT_EQ(done.differences.size(), 3U);
  EXPECT_EQ(done.differences[0].ns, kBills);
  EXPECT_EQ(done.differences[0].difference.kind, DifferenceKind::kContent);
  EXPECT_EQ(done.differences[0].difference.path, "v");
  EXPECT_EQ(done.differences[1].difference.kind, DifferenceKind::kMissing);
  EXPECT_EQ(done.differences[2].ns, kGoods);
  EXPECT_EQ(done.differences[2].difference.kind, DifferenceKind::kForeign);
  EXPECT_FALSE(done.repaired);
  EXPECT_EQ(queue_->stats().operations, 0U);
  EXPECT_TRUE(queue_->dirty_ranges().empty());
  EXPECT_EQ(counters_.conflicts, 0U);
  EXPECT_TRUE(proven_.empty());
  EXPECT_EQ(service_->findings(), "shop.bills: 2 documents; shop.goods: 1 document");
}

TEST_F(VerifyServiceTest, RepairsJustWhatDiffersAndProvesIt) {
  backup_.put(kBills, document("2", 77));
  backup_.data[kBills].erase(id_key("3"));
  backup_.put(kGoods, document("9", 9));
  const auto lanes = mirror();
  const VerifyStatus done = ask({{}, true});
  EXPECT_EQ(done.state, VerifyState::kDone);
  EXPECT_EQ(done.repaired, true);
  EXPECT_EQ(done.difference_count(), 3U) << "what it found stays told";
  EXPECT_EQ(touches_, 3);
  EXPECT_EQ(ranges_, 0);
  EXPECT_EQ(counters_.conflicts, 3U);
  EXPECT_EQ(backup_.data, local_.data);
  EXPECT_EQ(service_->findings(), "");
  EXPECT_EQ(proven_, (std::vector<OpTime>{{10, 1}}));
}

TEST_F(VerifyServiceTest, AnIdOfOtherBytesIsKeyedAnew) {
  const std::string as_long = R"({"$numberLong":"2"})";
  backup_.data[kBills].erase(id_key("2"));
  backup_.put(kBills, document(as_long, 2));
  bool rekeyed = false;
  const std::jthread lanes([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto taken = take();
      for (const TakenOperation& one : taken) {
        rekeyed = (one.op.flags & kFlagRekey) != 0;
        backup_.data[kBills].erase(id_key(as_long));
        make_equal(kBills, id_key("2"));
      }
      if (!taken.empty()) complete(taken);
      sleep_for(std::chrono::milliseconds(1), stop);
    }
  });
  const VerifyStatus done = ask({{}, true});
  EXPECT_TRUE(rekeyed);
  EXPECT_EQ(done.repaired, true);
}

TEST_F(VerifyServiceTest, MoreThanCanBeNamedIsBoundedAndRepairedAsAWhole) {
  for (int i = 1000; i < 2500; ++i) backup_.put(kBills, document(std::to_string(i), i));
  const auto lanes = mirror();
  const VerifyStatus done = ask({{}, true});
  EXPECT_EQ(done.difference_count(), 1500U);
  EXPECT_EQ(done.differences.size(), 1000U);
  EXPECT_EQ(touches_, 0);
  EXPECT_GE(ranges_, 1);
  EXPECT_EQ(done.repaired, true);
}

TEST_F(VerifyServiceTest, ACollectionThatOnlyTheBackupHasIsLeftAlone) {
  const Namespace stranger{"shop", "stranger"};
  backup_.put(stranger, document("1", 1));
  const auto lanes = mirror();
  const VerifyStatus done = ask({{}, true});
  EXPECT_EQ(done.repaired, false);
  EXPECT_EQ(done.schema_count(), 1U);
  EXPECT_TRUE(backup_.data.contains(stranger));
  EXPECT_EQ(ranges_, 0);
  EXPECT_TRUE(proven_.empty());
  EXPECT_EQ(service_->findings(), "shop.stranger exists only on the backup");
}

TEST_F(VerifyServiceTest, WhatIsOnlyOnItsWayIsNoDifference) {
  local_.put(kBills, document("6", 6));
  catch_up_ = [this](std::stop_token) {
    backup_.put(kBills, document("6", 6));
    return true;
  };
  const VerifyStatus done = ask({});
  EXPECT_EQ(done.difference_count(), 0U);
  EXPECT_EQ(proven_.size(), 1U);
}

TEST_F(VerifyServiceTest, AStopEndsItSoonAndLeavesAnHonestRecord) {
  backup_.data[kBills].erase(id_key("3"));
  std::atomic<bool> asked{false};
  catch_up_ = [&](std::stop_token stop) -> Result<bool> {
    asked = true;
    sleep_for(hours(1), stop);
    return Error{ErrorKind::kStopped, "dualsync is stopping", "", 0};
  };
  ASSERT_TRUE(service_->start({}).ok());
  std::jthread runner([this](const std::stop_token& stop) { service_->run(stop); });
  while (!asked) std::this_thread::yield();
  EXPECT_EQ(service_->view().state, VerifyState::kRunning);
  const auto before = std::chrono::steady_clock::now();
  runner.request_stop();
  runner.join();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
  EXPECT_EQ(service_->view().state, VerifyState::kFailed);
  restart();
  EXPECT_EQ(service_->view().state, VerifyState::kFailed);
  EXPECT_EQ(service_->view().error, "dualsync ended before it was done");
}

TEST_F(VerifyServiceTest, AStopEndsTheWaitForARepair) {
  backup_.data[kBills].erase(id_key("3"));
  ASSERT_TRUE(service_->start({{}, true}).ok());
  std::jthread runner([this](const std::stop_token& stop) { service_->run(stop); });
  while (service_->view().phase != VerifyStatus::Phase::kRepairing) std::this_thread::yield();
  EXPECT_EQ(service_->findings(), "shop.bills: 1 document") << "known as soon as it is found";
  runner.request_stop();
  runner.join();
  EXPECT_EQ(service_->view().state, VerifyState::kFailed);
  EXPECT_EQ(queue_->stats().operations, 1U) << "the repair is in the queue";
  EXPECT_EQ(service_->findings(), "shop.bills: 1 document");
}

TEST_F(VerifyServiceTest, ARepairThatIsRefusedTimeAndAgainIsNotWaitedFor) {
  for (int i = 1000; i < 2500; ++i) backup_.put(kGoods, document(std::to_string(i), i));
  refuses_repairs_ = true;
  const VerifyStatus done = ask({{}, true});
  EXPECT_EQ(done.state, VerifyState::kFailed);
  EXPECT_NE(done.error.find("shop.goods cannot be repaired: the backup says no"), std::string::npos) << done.error;
  EXPECT_EQ(queue_->dirty_ranges().size(), 1U) << "it is tried on";
  EXPECT_EQ(service_->findings(), "shop.goods: 1,500 documents");
}

TEST_F(VerifyServiceTest, WhatIsRefusedOfAnotherNamespaceIsNoReasonToEnd) {
  for (int i = 1000; i < 2500; ++i) backup_.put(kBills, document(std::to_string(i), i));
  refuses_repairs_ = true;
  const auto lanes = mirror();
  EXPECT_EQ(ask({{}, true}).repaired, true);
}

TEST_F(VerifyServiceTest, ABackupThatGoesAwayIsNamedAndTriedAgainSoon) {
  clock_.advance(hours(2));
  EXPECT_FALSE(step());
  clock_.advance(hours(1));
  backup_.down = true;
  EXPECT_TRUE(step());
  EXPECT_EQ(service_->view().state, VerifyState::kFailed);
  EXPECT_NE(service_->view().error.find("refused"), std::string::npos) << service_->view().error;
  EXPECT_FALSE(step()) << "not at once";
  backup_.down = false;
  clock_.advance(minutes(1));
  EXPECT_TRUE(step());
  EXPECT_EQ(service_->view().state, VerifyState::kDone);
  EXPECT_TRUE(service_->view().scheduled);
}

TEST_F(VerifyServiceTest, TheScheduleCountsFromTheFirstCopyAndFromTheLastComparisonOfEverything) {
  obstacle_ = "the first copy is not complete";
  clock_.advance(hours(5));
  EXPECT_FALSE(step());
  obstacle_.clear();
  EXPECT_FALSE(step()) << "the first copy has just ended";
  clock_.advance(minutes(59));
  EXPECT_FALSE(step());
  clock_.advance(minutes(1));
  EXPECT_TRUE(step());
  EXPECT_EQ(proven_.size(), 1U);
  clock_.advance(minutes(30));
  ask({});  // counts as one of the schedule
  clock_.advance(minutes(40));
  EXPECT_FALSE(step());
  ask({{"goods"}, false});  // a part does not
  clock_.advance(minutes(20));
  EXPECT_TRUE(step());
}

TEST_F(VerifyServiceTest, ARestartKeepsTheDueTimeTheResultAndWhatDiffers) {
  EXPECT_FALSE(step());
  backup_.data[kBills].erase(id_key("3"));
  clock_.advance(minutes(40));
  const VerifyStatus before = ask({});
  restart();
  const VerifyStatus after = service_->view();
  EXPECT_EQ(after.state, VerifyState::kDone);
  EXPECT_EQ(after.id, before.id);
  EXPECT_EQ(after.started_ms, before.started_ms);
  ASSERT_EQ(after.differences.size(), 1U);
  EXPECT_EQ(after.differences[0].difference.id_json, before.differences[0].difference.id_json);
  EXPECT_EQ(after.differences[0].difference.kind, DifferenceKind::kMissing);
  ASSERT_EQ(after.parts.size(), 2U);
  EXPECT_EQ(after.parts[0].difference_count, 1U);
  EXPECT_EQ(service_->findings(), "shop.bills: 1 document");
  EXPECT_FALSE(step());
  clock_.advance(minutes(20));
  const auto lanes = mirror();
  EXPECT_TRUE(step()) << "one that only told does not put off the one that repairs";
  EXPECT_EQ(service_->view().repaired, true);
  EXPECT_EQ(service_->findings(), "");
}

TEST_F(VerifyServiceTest, AnotherIntervalCountsFromTheLastComparison) {
  EXPECT_FALSE(step());
  clock_.advance(minutes(30));
  service_->set_intervals(minutes(31), full_interval_);
  EXPECT_FALSE(step());
  service_->set_intervals(minutes(30), full_interval_);
  EXPECT_TRUE(step());
  service_->set_intervals({}, full_interval_);
  clock_.advance(hours(1000));
  EXPECT_FALSE(step());
}

TEST_F(VerifyServiceTest, WithoutAnIntervalOnlyOnRequest) {
  interval_ = {};
  restart();
  clock_.advance(hours(1000));
  EXPECT_FALSE(step());
  EXPECT_EQ(ask({}).state, VerifyState::kDone);
}

TEST(VerifyRecord, BrokenBytesAreNoRecord) {
  EXPECT_EQ(decode_verify_record("").last.id, 0U);
  EXPECT_EQ(decode_verify_record("broken").last.state, VerifyState::kIdle);
  VerifyRecord record;
  record.since_ms = 5;
  VerifyPart& part = record.last.parts.emplace_back();
  part.ns = kBills;
  part.schema = {"one", "two"};
  part.unsettled = 3;
  record.last.differs = {{kBills, 1, 2, true}};
  record.last.verified_until = {7, 8};
  const VerifyRecord again = decode_verify_record(encode_verify_record(record));
  EXPECT_EQ(again.since_ms, 5);
  ASSERT_EQ(again.last.parts.size(), 1U);
  EXPECT_EQ(again.last.parts[0].schema, part.schema);
  EXPECT_EQ(again.last.parts[0].unsettled, 3U);
  EXPECT_EQ(again.last.differs, record.last.differs);
  EXPECT_EQ(again.last.verified_until, (OpTime{7, 8}));
  EXPECT_EQ(again.last.repaired, std::nullopt);
}

}  // namespace
}  // namespace dualsync
