#include "dualsync/pipeline/delete_guard.h"

#include <gtest/gtest.h>

#include "dualsync/pipeline/batch.h"
#include "dualsync/pipeline/range_compare.h"
#include "support/fake_clock.h"
#include "support/names.h"
#include "support/pipeline_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::id_key;
using test::make_ddl;
using test::make_op;
using Kind = Completion::Kind;
using Verdict = DeleteGuard::Verdict;

constexpr std::uint32_t kNow = 1000;

class DeleteGuardTest : public test::PipelineFixture {
 protected:
  void SetUp() override {
    pipeline_.batch_size = 1000;
    PipelineFixture::SetUp();
    restart();
  }

  void restart(int percent = 50) {
    guard_ = std::make_unique<DeleteGuard>(percent, scope_, local_side_, backup_side_, *queue_, clock_);
    ASSERT_TRUE(guard_->load().ok());
  }

  void fill(int documents) {
    for (int i = 0; i < documents; ++i) backup_.put(kBills, document(std::to_string(i), 1));
  }

  // Deletes of the documents from `begin` on, as capture has them.
  void note_deletes(int begin, int end, std::uint32_t second = kNow, OpKind kind = OpKind::kDelete) {
    std::vector<Operation> ops;
    std::vector<OperationView> views;
    for (int i = begin; i < end; ++i) ops.push_back(make_op(kind, std::to_string(i), "", {second, 1}));
    for (const Operation& op : ops) views.push_back(op.view());
    ASSERT_TRUE(guard_->note_captured(views).ok());
  }

  // The same, and into the queue; what is there is applied in one batch.
  std::vector<Completion> apply_deletes(int begin, int end) {
    note_deletes(begin, end);
    std::vector<Operation> ops;
    for (int i = begin; i < end; ++i) ops.push_back(make_op(OpKind::kDelete, std::to_string(i), "", {kNow, 1}));
    append(ops, {kNow, 1});
    return apply();
  }

  std::vector<Completion> apply() {
    PipelineContext context = this->context();
    context.delete_guard = guard_.get();
    const auto taken = queue_->take(0, {10'000, 100U << 20U}, std::chrono::milliseconds(0), {});
    EXPECT_TRUE(taken.ok());
    test::FakeReader local(local_);
    test::FakeWriter writer(backup_);
    Batch batch(context, {local, writer}, backoff_, *taken);
    auto completions = batch.run();
    EXPECT_TRUE(queue_->complete(completions).ok());
    return completions;
  }

  static std::size_t count(const std::vector<Completion>& completions, Kind kind) {
    return static_cast<std::size_t>(
        std::count_if(completions.begin(), completions.end(), [&](const Completion& one) { return one.kind == kind; }));
  }

  void pass(std::chrono::milliseconds time) {
    clock_.advance(time);
    guard_->step();
  }

  Verdict verdict(OpTime time = {kNow, 1}) const { return guard_->verdict(kBills, time); }

  test::FakeClock clock_;
  Backoff backoff_{1};
  std::unique_ptr<DeleteGuard> guard_;
};

TEST_F(DeleteGuardTest, AFewDeletesGoThrough) {
  fill(2000);
  note_deletes(0, DeleteGuard::kFreeMin);
  EXPECT_EQ(verdict(), Verdict::kGo);
}

TEST_F(DeleteGuardTest, ManyWaitUntilTheyPauseOrAreTooMany) {
  fill(2000);
  note_deletes(0, 500);
  EXPECT_EQ(verdict(), Verdict::kWait);
  guard_->step();
  EXPECT_EQ(verdict(), Verdict::kWait) << "more of them may come";
  pass(DeleteGuard::kPause);
  EXPECT_EQ(verdict(), Verdict::kGo) << "a quarter is no accident";
  note_deletes(500, 1001);
  EXPECT_EQ(verdict(), Verdict::kWait);
  guard_->step();
  EXPECT_EQ(verdict(), Verdict::kHold) << "at once: a pause changes nothing any more";
  pass(std::chrono::hours(1));
  EXPECT_EQ(verdict(), Verdict::kHold);
  EXPECT_EQ(guard_->trips(), 1U);
  const auto held = guard_->view();
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(held[0].deletes, 1001U);
  EXPECT_EQ(held[0].of, 2000U);
}

TEST_F(DeleteGuardTest, ExactlyThePercentageIsNotMoreThanIt) {
  fill(2000);
  note_deletes(0, 1000);
  pass(DeleteGuard::kPause);
  EXPECT_EQ(verdict(), Verdict::kGo);
}

TEST_F(DeleteGuardTest, ASmallCollectionIsNotGuarded) {
  fill(999);
  note_deletes(0, 999);
  guard_->step();
  EXPECT_EQ(verdict(), Verdict::kGo);
}

TEST_F(DeleteGuardTest, ATwentiethOfALargeOneNeedsNoPause) {
  fill(10'000);
  note_deletes(0, 500);
  guard_->step();
  EXPECT_EQ(verdict(), Verdict::kGo);
  note_deletes(500, 501);
  EXPECT_EQ(verdict(), Verdict::kWait);
}

TEST_F(DeleteGuardTest, WhatComesAndGoesIsNoLoss) {
  fill(1000);
  for (int i = 0; i < 5000; i += 50) {
    note_deletes(i, i + 50);
    note_deletes(i, i + 50, kNow, OpKind::kInsert);
  }
  EXPECT_EQ(verdict(), Verdict::kGo);
}

TEST_F(DeleteGuardTest, WhatIsPutInTheirPlaceDoesNotHideThem) {
  fill(1000);
  std::vector<Operation> ops;
  for (int i = 0; i < 2000; ++i) {
    ops.push_back(make_op(i < 1000 ? OpKind::kDelete : OpKind::kInsert, std::to_string(i), "", {kNow, 1}));
  }
  std::vector<OperationView> views;
  for (const Operation& op : ops) views.push_back(op.view());
  ASSERT_TRUE(guard_->note_captured(views).ok());
  guard_->step();
  EXPECT_EQ(verdict(), Verdict::kHold);
}

TEST_F(DeleteGuardTest, ABackupThatLagsIsNotTakenForASmallCollection) {
  fill(10);
  for (int i = 0; i < 9400; ++i) local_.put(kBills, document(std::to_string(i), 1));
  note_deletes(0, 600);
  pass(DeleteGuard::kPause);
  EXPECT_EQ(verdict(), Verdict::kGo) << "600 of the 10,000 that local had";
}

TEST_F(DeleteGuardTest, DeletesWaitWhileTheBackupIsAway) {
  fill(2000);
  note_deletes(0, 200);
  backup_.down = true;
  pass(std::chrono::hours(1));
  EXPECT_EQ(verdict(), Verdict::kWait);
  backup_.down = false;
  guard_->step();
  EXPECT_EQ(verdict(), Verdict::kGo);
}

TEST_F(DeleteGuardTest, ARestartForgetsNeitherSuspicionNorVerdict) {
  fill(2000);
  note_deletes(0, 900);
  restart();
  EXPECT_EQ(verdict(), Verdict::kWait);
  note_deletes(900, 1001);
  restart();
  guard_->step();
  EXPECT_EQ(verdict(), Verdict::kHold) << "both halves count";
  restart();
  EXPECT_EQ(verdict(), Verdict::kHold);
  EXPECT_EQ(guard_->view().at(0).of, 2000U);
  restart(0);
  EXPECT_EQ(verdict(), Verdict::kHold) << "switched off: what is held stays held";
}

TEST_F(DeleteGuardTest, SwitchedOffNothingIsSuspect) {
  fill(2000);
  note_deletes(0, 500);
  restart(0);
  EXPECT_EQ(verdict(), Verdict::kGo);
  note_deletes(500, 2000);
  guard_->step();
  EXPECT_EQ(verdict(), Verdict::kGo);
}

TEST_F(DeleteGuardTest, ForeignDocumentsCountApart) {
  fill(2000);
  note_deletes(0, 600);
  ASSERT_TRUE(guard_->note_foreign(kBills, {kNow, 1}, 600).ok());
  pass(DeleteGuard::kPause);
  EXPECT_EQ(verdict(), Verdict::kGo) << "a comparison also finds what is on its way";
  ASSERT_TRUE(guard_->note_foreign(kBills, {kNow, 1}, 401).ok());
  guard_->step();
  EXPECT_EQ(verdict(), Verdict::kHold);
}

TEST_F(DeleteGuardTest, WhatAnotherCollectionLeftUnderTheNameIsNoLoss) {
  fill(2000);
  PipelineContext context = this->context();
  context.delete_guard = guard_.get();
  const auto compare = [&](bool other) {
    DirtyRange range{kBills, "test", {}, false, ""};
    range.other_collection = other;
    test::FakeReader local(local_);
    test::FakeReader backup(backup_);
    CopyProgress all;
    all.ranges.emplace_back();
    RangeCompare comparison(context, range, all);
    const auto counts = comparison.run(local, backup, {}, [](const RepairCounts&) {});
    EXPECT_TRUE(counts.ok());
    EXPECT_EQ(counts->repairs, 2000U);
    pass(DeleteGuard::kPause);
  };
  compare(true);
  EXPECT_EQ(verdict(), Verdict::kGo);
  compare(false);
  EXPECT_EQ(verdict(), Verdict::kHold);
}

TEST_F(DeleteGuardTest, ReportedDocumentsThatAreGoneCount) {
  fill(2000);
  local_.time = {kNow, 1};
  const auto report = [&](int begin, int end, std::uint16_t flags) {
    std::vector<Operation> ops;
    for (int i = begin; i < end; ++i) {
      ops.push_back(make_op(OpKind::kTouch, std::to_string(i), "", {kNow, 1}));
      ops.back().flags = flags;
    }
    append(ops, {kNow, 1});
  };
  report(0, 900, 0);
  EXPECT_EQ(count(apply(), Kind::kDone), 900U) << "whoever asked for these has told the guard";
  fill(2000);
  report(0, 1500, kFlagReported);
  EXPECT_EQ(count(apply(), Kind::kPutBack), 1500U);
  guard_->step();
  std::this_thread::sleep_for(std::chrono::milliseconds(120));  // until the lanes look again
  EXPECT_EQ(count(apply(), Kind::kWithhold), 1500U);
  EXPECT_EQ(backup_.documents(kBills).size(), 2000U);
}

TEST_F(DeleteGuardTest, BatchesHoldReleaseSendsThem) {
  fill(2000);
  EXPECT_EQ(count(apply_deletes(0, 1500), Kind::kPutBack), 1500U);
  guard_->step();
  std::this_thread::sleep_for(std::chrono::milliseconds(120));  // until the lanes look again
  EXPECT_EQ(count(apply(), Kind::kWithhold), 1500U);
  EXPECT_EQ(backup_.documents(kBills).size(), 2000U);
  EXPECT_EQ(queue_->stats().operations, 0U);
  EXPECT_EQ(queue_->applied_position(), (OpTime{kNow, 1})) << "they are exceptions, and nobody waits for them";
  EXPECT_EQ(guard_->view().at(0).documents, 1500U);

  ASSERT_EQ(guard_->decide({"shop", "others"}, true).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(*guard_->decide(kBills, true), 1500U);
  local_.time = {kNow, 1};
  EXPECT_EQ(count(apply(), Kind::kDone), 1500U);
  EXPECT_EQ(backup_.documents(kBills).size(), 500U);
  guard_->step();
  EXPECT_TRUE(guard_->view().empty());
  EXPECT_EQ(guard_->decide(kBills, true).error().kind, ErrorKind::kNotFound);
}

TEST_F(DeleteGuardTest, DiscardedOnesStayAndLaterWritesAreApplied) {
  fill(2000);
  apply_deletes(0, 1500);
  guard_->step();
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  apply();
  append({make_op(OpKind::kInsert, "7", document("7", 2), {kNow + 1, 1})}, {kNow + 1, 1});
  local_.put(kBills, document("7", 2));
  EXPECT_EQ(apply()[0].kind, Kind::kWithhold) << "it waits with the held document";

  EXPECT_EQ(*guard_->decide(kBills, false), 1500U);
  local_.time = {kNow + 1, 1};
  const auto decided = apply();
  EXPECT_EQ(count(decided, Kind::kWithhold), 1499U);
  EXPECT_EQ(backup_.get(kBills, id_key("7")), document("7", 2));
  EXPECT_EQ(backup_.documents(kBills).size(), 2000U);
  guard_->step();
  EXPECT_EQ(verdict({kNow + 2, 1}), Verdict::kGo) << "the next delete is an ordinary one";
  EXPECT_EQ(guard_->view().at(0).discarded, 1499U);
  EXPECT_EQ(guard_->view().at(0).documents, 0U);
  EXPECT_TRUE(*queue_->is_withheld(kBills, id_key("8")));
  EXPECT_FALSE(*queue_->is_withheld(kBills, id_key("7")));

  append({make_op(OpKind::kTouch, "8", "", {kNow + 2, 1})}, {kNow + 2, 1});  // a repair that does not know
  local_.time = {kNow + 2, 1};
  EXPECT_EQ(apply()[0].kind, Kind::kWithhold);
  EXPECT_TRUE(backup_.get(kBills, id_key("8")).has_value());
}

TEST_F(DeleteGuardTest, ADecisionHoldsForWhatWasOnItsWay) {
  fill(2000);
  apply_deletes(0, 1500);
  guard_->step();  // held, and nothing of it withheld yet
  ASSERT_EQ(*guard_->decide(kBills, false), 0U);
  restart();
  guard_->step();
  EXPECT_EQ(verdict(), Verdict::kDiscard) << "the deletes of before, after a restart too";
  EXPECT_EQ(verdict({kNow + 5, 1}), Verdict::kGo);
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  EXPECT_EQ(count(apply(), Kind::kWithhold), 1500U);
  guard_->step();
  EXPECT_EQ(guard_->view().at(0).discarded, 1500U);
  EXPECT_EQ(verdict(), Verdict::kGo) << "the decision is done";
}

// What a person decided counts for one accident.
TEST_F(DeleteGuardTest, AfterADecisionTheNextAccidentIsJudgedAnew) {
  fill(2000);
  note_deletes(0, 2000);
  guard_->step();
  ASSERT_EQ(verdict(), Verdict::kHold);
  ASSERT_TRUE(guard_->decide(kBills, false).ok());
  guard_->step();
  note_deletes(0, 1500, kNow + 60);  // the documents are back on local, and so is the accident
  EXPECT_EQ(verdict({kNow + 60, 1}), Verdict::kWait);
  guard_->step();
  EXPECT_EQ(verdict({kNow + 60, 1}), Verdict::kHold);
}

TEST_F(DeleteGuardTest, DeletesThatGoOnAfterTheDecisionAreNoNews) {
  fill(2000);
  append({make_op(OpKind::kTouch, "9999", "", {kNow, 1})}, {kNow, 1});  // the decision is made at this time
  note_deletes(0, 1200);
  guard_->step();
  ASSERT_TRUE(guard_->decide(kBills, true).ok());
  note_deletes(1200, 1210, kNow + 2);
  note_deletes(1210, 2000, kNow + 4);
  EXPECT_EQ(verdict({kNow + 4, 1}), Verdict::kGo) << "800 were left";
  note_deletes(0, 200, kNow + 5);
  EXPECT_EQ(verdict({kNow + 5, 1}), Verdict::kWait) << "these are more than were left";
}

TEST_F(DeleteGuardTest, WhatWasAllowedEndsAfterFiveMinutesWithoutDeletes) {
  fill(4000);
  note_deletes(0, 1500);
  pass(std::chrono::seconds(1));
  guard_->step();
  ASSERT_EQ(verdict(), Verdict::kGo) << "fewer than half, and they have paused";
  std::uint32_t second = kNow;
  for (int i = 1500; i < 1510; ++i) note_deletes(i, i + 1, second += 100);  // a few now and then do not keep it up
  note_deletes(1600, 2900, second + 1);
  EXPECT_EQ(verdict({second + 1, 1}), Verdict::kWait);
}

TEST_F(DeleteGuardTest, StrictOrderWaitsBehindAWaitingDelete) {
  pipeline_.strict = true;
  fill(2000);
  note_deletes(0, 500);
  append(
      {make_op(OpKind::kDelete, "1", "", {kNow, 1}), make_op(OpKind::kInsert, "9999", document("9999", 1), {kNow, 2})},
      {kNow, 2});
  EXPECT_EQ(count(apply(), Kind::kPutBack), 2U);
  EXPECT_FALSE(backup_.get(kBills, id_key("9999")).has_value());
}

TEST_F(DeleteGuardTest, ADropEndsItAndARenameTakesItAlong) {
  fill(2000);
  note_deletes(0, 1500);
  guard_->step();
  const Namespace papers{"shop", "papers"};
  const auto event = [](const std::string& type, const Namespace& ns, const std::string& rest = "") {
    auto parsed = parse_ddl_event(make_ddl(type, ns, {kNow, 1}, rest).payload);
    EXPECT_TRUE(parsed.ok());
    return *parsed;
  };
  ASSERT_TRUE(guard_->follow(event("rename", kBills, R"(,"to":{"db":"shop","coll":"papers"})")).ok());
  EXPECT_EQ(verdict(), Verdict::kGo);
  EXPECT_EQ(guard_->verdict(papers, {kNow, 1}), Verdict::kHold);
  restart();
  EXPECT_EQ(verdict(), Verdict::kGo);
  EXPECT_EQ(guard_->verdict(papers, {kNow, 1}), Verdict::kHold);
  ASSERT_TRUE(guard_->follow(event("drop", papers)).ok());
  restart();
  EXPECT_EQ(guard_->verdict(papers, {kNow, 1}), Verdict::kGo);
}

}  // namespace
}  // namespace dualsync
