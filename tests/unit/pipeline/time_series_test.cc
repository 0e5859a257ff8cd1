// Time series: what a copy makes of two sides, what FullSync and Restore do with it, and what verify says.
#include <gtest/gtest.h>

#include "dualsync/pipeline/batch.h"
#include "dualsync/pipeline/full_sync.h"
#include "dualsync/pipeline/mirror.h"
#include "dualsync/pipeline/time_series_copy.h"
#include "dualsync/pipeline/time_series_list.h"
#include "dualsync/pipeline/verifier.h"
#include "support/bson_literal.h"
#include "support/names.h"
#include "support/pipeline_fixture.h"

namespace dualsync::test {
namespace {

const Namespace kReadings{"plant", "readings"};
const std::string kOptions = bson(R"({"timeseries":{"timeField":"at"}})");
using Measurements = std::vector<std::string>;
using Foreign = TimeSeriesCopy::Foreign;

std::string measured(int at, int id, int v) {
  return bson("{\"at\":{\"$date\":{\"$numberLong\":\"" + std::to_string(at) + "\"}},\"_id\":" + std::to_string(id) +
              ",\"v\":" + std::to_string(v) + "}");
}

Measurements sorted(Measurements all) {
  for (std::string& one : all) one = canonical_measurement(one);
  std::sort(all.begin(), all.end());
  return all;
}

class TimeSeriesTest : public PipelineFixture {
 protected:
  void SetUp() override {
    PipelineFixture::SetUp();
    local_.make(kReadings, "", kOptions, CollectionInfo::Type::kTimeseries);
    local_.series[kReadings] = {};
  }
  void make_backup() {
    backup_.make(kReadings, "", kOptions, CollectionInfo::Type::kTimeseries);
    backup_.series[kReadings] = {};
  }
  TimeSeriesCounts pass(Foreign foreign) {
    TimeSeriesCopy copy({kReadings, kReadings, "at"}, {});
    FakeReader source(local_);
    FakeWriter target(backup_);
    auto counts = copy.pass(source, target, foreign, {}, [](const CompareCounts&) {});
    EXPECT_TRUE(counts.ok());
    return counts ? *counts : TimeSeriesCounts{};
  }
  bool equal() { return sorted(local_.series[kReadings]) == sorted(backup_.series[kReadings]); }

  PipelineContext& shared() {
    if (!context_) {
      context_ = std::make_unique<PipelineContext>(context());
      list_ = std::make_unique<TimeSeriesList>(*queue_);
      context_->time_series = list_.get();
    }
    return *context_;
  }
  void repair(DirtyRange range) {
    ASSERT_TRUE(queue_->mark_dirty(range).ok());
    FullSync full_sync(shared());
    for (int i = 0; i < 5 && !queue_->dirty_ranges().empty(); ++i) ASSERT_TRUE(full_sync.step({}, {}).ok());
    EXPECT_TRUE(queue_->dirty_ranges().empty());
  }
  DirtyRange dirty() const { return {kReadings, "test", {1, 1}, false, "", 0}; }
  NamespaceReport verify(const std::map<Namespace, std::vector<std::uint64_t>>* marks = nullptr) {
    VerifyOptions options;
    options.marks = marks;
    Verifier verifier(scope_, local_side_, backup_side_, system_clock(), options);
    auto report = verifier.run({}, [](const CompareProgress&) {});
    EXPECT_TRUE(report.ok() && report->namespaces.size() == 1);
    return report && !report->namespaces.empty() ? report->namespaces.front() : NamespaceReport{};
  }

  std::unique_ptr<PipelineContext> context_;
  std::unique_ptr<TimeSeriesList> list_;
};

TEST_F(TimeSeriesTest, WhatIsMissingIsInsertedAndWhatIsThereIsNotTouched) {
  make_backup();
  local_.series[kReadings] = {measured(3, 1, 1), measured(1, 2, 1), measured(2, 3, 1), measured(2, 4, 1)};
  backup_.series[kReadings] = {measured(2, 4, 1)};
  const auto counts = pass(Foreign::kKeep);
  EXPECT_EQ(counts.written, 3U);
  EXPECT_EQ(counts.missing, 3U);
  EXPECT_TRUE(equal());
  EXPECT_EQ(pass(Foreign::kRemove).written, 0U);
}

TEST_F(TimeSeriesTest, FieldsInAnotherOrderAreNoDifference) {
  make_backup();
  local_.series[kReadings] = {bson(R"({"at":{"$date":{"$numberLong":"1"}},"_id":1,"v":2})")};
  backup_.series[kReadings] = {bson(R"({"_id":1,"v":2,"at":{"$date":{"$numberLong":"1"}}})")};
  const auto counts = pass(Foreign::kRemove);
  EXPECT_EQ(counts.missing + counts.foreign, 0U);
}

TEST_F(TimeSeriesTest, HowOftenAMeasurementIsThereCounts) {
  make_backup();
  local_.series[kReadings] = {measured(1, 1, 1), measured(1, 1, 1), measured(2, 1, 1)};
  backup_.series[kReadings] = {measured(1, 1, 1), measured(2, 1, 1), measured(2, 1, 1)};
  const auto counts = pass(Foreign::kRemove);
  EXPECT_EQ(counts.missing, 1U);
  EXPECT_EQ(counts.foreign, 1U);
  EXPECT_TRUE(equal()) << "what went with a foreign one of its time and _id is put back";
}

TEST_F(TimeSeriesTest, AChangedOneIsReplacedAndOthersOfItsIdStay) {
  make_backup();
  local_.series[kReadings] = {measured(1, 7, 1), measured(1, 7, 2), measured(5, 7, 3)};
  backup_.series[kReadings] = {measured(1, 7, 1), measured(1, 7, 9), measured(5, 7, 3)};
  EXPECT_EQ(pass(Foreign::kRemove).removed, 1U);
  EXPECT_TRUE(equal());
}

TEST_F(TimeSeriesTest, AServerThatRemovesNothingGetsNothingTwice) {
  make_backup();
  backup_.keeps_measurements = true;
  local_.series[kReadings] = {measured(1, 7, 1), measured(1, 7, 2)};
  backup_.series[kReadings] = {measured(1, 7, 1), measured(1, 7, 9)};
  for (int i = 0; i < 2; ++i) {
    const auto counts = pass(Foreign::kRemove);
    EXPECT_EQ(counts.removed, 0U);
    ASSERT_TRUE(counts.refusal.has_value());
    EXPECT_EQ(counts.refusal->code, 72);
    EXPECT_EQ(backup_.series[kReadings].size(), 3U) << "the missing one is there, once";
  }
}

TEST_F(TimeSeriesTest, ManyPagesAndManyOfOneMoment) {
  make_backup();
  for (int i = 0; i < 3500; ++i) local_.series[kReadings].push_back(measured(i / 700, i, i));
  for (int i = 0; i < 3500; i += 3) backup_.series[kReadings].push_back(measured(i / 700, i, i % 2 == 0 ? i : -1));
  pass(Foreign::kRemove);
  EXPECT_TRUE(equal());
}

TEST_F(TimeSeriesTest, FullSyncCreatesFillsAndListsIt) {
  local_.series[kReadings] = {measured(1, 1, 1), measured(2, 2, 2)};
  repair(dirty());
  EXPECT_TRUE(equal());
  EXPECT_EQ(backup_.info_of(kReadings).type, CollectionInfo::Type::kTimeseries);
  const auto listed = list_->view();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].ns, kReadings);
  EXPECT_EQ(listed[0].measurements, 2U);
  EXPECT_TRUE(listed[0].mirrored_ms.has_value());
  TimeSeriesList again(*queue_);
  ASSERT_TRUE(again.load().ok());
  EXPECT_EQ(again.view(), listed) << "also after a restart";
}

TEST_F(TimeSeriesTest, FullSyncRemovesWhatLocalHasNoMore) {
  make_backup();
  local_.series[kReadings] = {measured(1, 1, 1)};
  backup_.series[kReadings] = {measured(1, 1, 1), measured(1, 2, 1)};
  repair(dirty());
  EXPECT_TRUE(equal());
}

TEST_F(TimeSeriesTest, MostOfACollectionIsNotRemovedWithoutAWord) {
  make_backup();
  for (int i = 0; i < 2000; ++i) backup_.series[kReadings].push_back(measured(i, i, i));
  for (int i = 0; i < 900; ++i) local_.series[kReadings].push_back(measured(i, i, i));
  local_.series[kReadings].push_back(measured(7, 5000, 1));
  repair(dirty());
  EXPECT_EQ(backup_.series[kReadings].size(), 2001U) << "the new one came, nothing went";
  DirtyRange requested = dirty();
  requested.requested = true;
  repair(requested);
  EXPECT_TRUE(equal()) << "somebody asked for it";
}

TEST_F(TimeSeriesTest, KeepExtraRemovesNothing) {
  make_backup();
  backup_.series[kReadings] = {measured(1, 1, 1)};
  DirtyRange range = dirty();
  range.requested = range.keep_extra = true;
  repair(range);
  EXPECT_EQ(backup_.series[kReadings].size(), 1U);
}

TEST_F(TimeSeriesTest, ItIsForgottenWhenAnotherKindOfCollectionHasItsName) {
  repair(dirty());
  ASSERT_EQ(list_->view().size(), 1U);
  local_.series.clear();
  local_.make(kReadings, "0123456789abcdef");
  append({}, {10, 1});  // capture has read what local holds
  repair(dirty());
  EXPECT_TRUE(list_->view().empty());
  EXPECT_EQ(backup_.info_of(kReadings).type, CollectionInfo::Type::kCollection);
}

TEST_F(TimeSeriesTest, ABackupThatGoesAwayIsTriedAgain) {
  local_.series[kReadings] = {measured(1, 1, 1)};
  make_backup();
  backup_.down = true;
  ASSERT_TRUE(queue_->mark_dirty(dirty()).ok());
  FullSync full_sync(shared());
  EXPECT_FALSE(full_sync.step({}, {}).ok());
  backup_.down = false;
  for (int i = 0; i < 3 && !queue_->dirty_ranges().empty(); ++i) EXPECT_TRUE(full_sync.step({}, {}).ok());
  EXPECT_TRUE(equal());
}

// A server tells of one: the lane that has it marks the series while FullSync waits for the lane.
TEST_F(TimeSeriesTest, WhatIsMarkedBeforeItIsReadIsDoneWithIt) {
  local_.series[kReadings] = {measured(1, 1, 1)};
  ASSERT_TRUE(queue_->mark_dirty(dirty()).ok());
  append({make_op(OpKind::kTouch, "1", "", {2, 1}, kReadings)}, {2, 1});
  const auto taken = take();
  ASSERT_EQ(taken.size(), 1U);
  FullSync full_sync(shared());
  std::jthread syncing([&](const std::stop_token& stop) { EXPECT_TRUE(full_sync.step({}, stop).ok()); });
  while (full_sync.view().current != kReadings.full()) sleep_for(std::chrono::milliseconds(1), {});
  ASSERT_TRUE(queue_->mark_dirty({kReadings, "told", {2, 1}, false, "", 0}).ok());
  complete(taken);
  syncing.join();
  EXPECT_TRUE(equal());
  EXPECT_TRUE(queue_->dirty_ranges().empty());
}

TEST_F(TimeSeriesTest, AGapStaysAsLongAsTheBackupRefusesAMeasurement) {
  local_.series[kReadings] = {measured(1, 1, 1), measured(2, 2, 2)};
  backup_.refused.insert(measured(2, 2, 2));
  ASSERT_TRUE(queue_->mark_dirty(dirty()).ok());
  FullSync full_sync(shared());
  EXPECT_TRUE(full_sync.step({}, {}).ok()) << "the others go on";
  EXPECT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_EQ(backup_.series[kReadings].size(), 1U);
  ASSERT_EQ(list_->view().size(), 1U);
  EXPECT_FALSE(list_->view()[0].mirrored_ms.has_value()) << "nobody may say that it is mirrored";
  EXPECT_FALSE(list_->was_mirrored(kReadings)) << "and proofs wait for it";
  backup_.refused.clear();
  repair(dirty());
  EXPECT_TRUE(list_->was_mirrored(kReadings));
}

TEST_F(TimeSeriesTest, OneThatWasMirroredOnceIsNoRepairThatProofsWaitFor) {
  Mirror mirror({}, scope_, local_side_, backup_side_, *queue_, system_clock());
  ASSERT_TRUE(queue_->mark_dirty(dirty()).ok());
  ASSERT_TRUE(mirror.context().time_series->add(kReadings).ok());
  EXPECT_EQ(mirror.status().repairs_due, 1U);
  ASSERT_TRUE(mirror.context().time_series->mirrored({kReadings, 1, 1}).ok());
  EXPECT_EQ(mirror.status().repairs_due, 0U);
  DirtyRange asked = {kBills, "full sync", DirtyRange::kNoGap, false, "", 0};
  asked.requested = true;
  ASSERT_TRUE(queue_->mark_dirty(asked).ok());
  EXPECT_EQ(mirror.status().repairs_due, 1U);
}

TEST_F(TimeSeriesTest, VerifyNamesWhatDiffers) {
  make_backup();
  local_.series[kReadings] = {measured(1, 1, 1), measured(2, 2, 2), measured(3, 3, 3)};
  backup_.series[kReadings] = {measured(1, 1, 1), measured(2, 2, 9), measured(4, 4, 4)};
  const NamespaceReport report = verify();
  EXPECT_TRUE(report.time_series);
  EXPECT_EQ(report.difference_count, 3U);
  std::map<std::string, std::string> kinds;
  for (const Difference& one : report.differences)
    kinds[one.id_json] = std::string(to_string(one.kind)) + " " + one.path;
  EXPECT_EQ(kinds, (std::map<std::string, std::string>{{R"({ "$numberInt" : "2" })", "content v"},
                                                       {R"({ "$numberInt" : "3" })", "missing "},
                                                       {R"({ "$numberInt" : "4" })", "foreign "}}));
  EXPECT_EQ(report.local_documents, 3U);
  EXPECT_EQ(report.backup_documents, 3U);
}

TEST_F(TimeSeriesTest, OnlyWhatDifferedBeforeTheMirrorDiffersAfterIt) {
  make_backup();
  local_.series[kReadings] = {measured(1, 1, 1), measured(2, 2, 2)};
  const NamespaceReport before = verify();
  EXPECT_EQ(before.difference_count, 2U);
  const std::map<Namespace, std::vector<std::uint64_t>> marks{{kReadings, before.marks}};
  backup_.series[kReadings] = {measured(1, 1, 1)};        // the mirror lost one
  local_.series[kReadings].push_back(measured(3, 3, 3));  // the application went on
  const NamespaceReport after = verify(&marks);
  EXPECT_EQ(after.difference_count, 1U);
  ASSERT_EQ(after.differences.size(), 1U);
  EXPECT_EQ(after.differences[0].id_json, R"({ "$numberInt" : "2" })");
  EXPECT_EQ(after.pending, 1U);
}

// What a stream tells of a measurement.
class ToldTest : public TimeSeriesTest {
 protected:
  void tell(OpKind kind) {
    ASSERT_TRUE((shared(), list_->add(kReadings)).ok());
    Operation op = make_op(kind, "1", kind == OpKind::kInsert ? document("1", 1) : "");
    op.ns = kReadings;
    append({op}, {20, 1});
    const auto taken = take();
    FakeReader local(local_);
    FakeWriter writer(backup_);
    Backoff backoff(1);
    Batch batch(shared(), {local, writer}, backoff, taken);
    const auto completions = batch.run();
    ASSERT_EQ(completions.size(), 1U);
    EXPECT_EQ(completions[0].kind, Completion::Kind::kDone);
    EXPECT_TRUE(queue_->complete(completions).ok());
    EXPECT_TRUE(backup_.log.empty());
    EXPECT_TRUE(backup_.documents(kReadings).empty());
  }
};

TEST_F(ToldTest, AnEventStartsAComparisonAndIsNotApplied) {
  tell(OpKind::kInsert);
  const auto ranges = queue_->dirty_ranges();
  ASSERT_EQ(ranges.size(), 1U);
  EXPECT_EQ(ranges[0].ns, kReadings);
  EXPECT_NE(ranges[0].gap_start, DirtyRange::kNoGap) << "`wait` has to wait for it";
}

TEST_F(ToldTest, WhatMiddlewareReportsIsLeftToTheSchedule) {
  tell(OpKind::kTouch);
  EXPECT_TRUE(queue_->dirty_ranges().empty());
}

}  // namespace
}  // namespace dualsync::test
