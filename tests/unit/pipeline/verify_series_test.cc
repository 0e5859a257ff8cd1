// The schedule of verify is that of time series, too.
#include "dualsync/pipeline/time_series_list.h"
#include "support/bson_literal.h"
#include "support/verify_fixture.h"

namespace dualsync::test {
namespace {

const Namespace kSeries{"shop", "readings"};

std::string reading(int at) {
  return bson("{\"at\":{\"$date\":{\"$numberLong\":\"" + std::to_string(at) + "\"}},\"_id\":" + std::to_string(at) +
              "}");
}

class VerifySeriesTest : public VerifyFixture {
 protected:
  void SetUp() override {
    VerifyFixture::SetUp();
    for (FakeServer* server : {&local_, &backup_}) {
      server->make(kSeries, "", bson(R"({"timeseries":{"timeField":"at"}})"), CollectionInfo::Type::kTimeseries);
      server->series[kSeries] = {reading(1)};
    }
  }
};

TEST_F(VerifySeriesTest, WhatIsNotMirroredYetIsMirroredAndNoNews) {
  for (int i = 2; i < 10; ++i) local_.series[kSeries].push_back(reading(i));
  const auto mirror = this->mirror();
  const VerifyStatus ended = ask({{}, true, false});
  EXPECT_EQ(ended.state, VerifyStatus::State::kDone);
  EXPECT_TRUE(ended.differs.empty());
  EXPECT_TRUE(ended.differences.empty()) << "they are counted, not named";
  EXPECT_EQ(ended.difference_count(), 8U);
  EXPECT_EQ(backup_.series[kSeries].size(), 9U);
  EXPECT_EQ(counters_.conflicts.load(), 0U);
  EXPECT_EQ(proven_.size(), 1U);
  EXPECT_EQ(ranges_.load(), 1);
}

TEST_F(VerifySeriesTest, WithoutARepairTheyDiffer) {
  local_.series[kSeries].push_back(reading(2));
  const VerifyStatus ended = ask({{}, false, false});
  ASSERT_EQ(ended.differs.size(), 1U);
  EXPECT_EQ(ended.differs[0].ns, kSeries);
  EXPECT_EQ(ended.differences.size(), 1U);
  EXPECT_TRUE(proven_.empty());
}

// A server that tells of measurements, while an application writes them without a pause.
TEST_F(VerifySeriesTest, OneThatIsDirtyAnewAtOnceIsProvenAllTheSame) {
  for (int i = 2; i < 10; ++i) local_.series[kSeries].push_back(reading(i));
  TimeSeriesList list(*queue_);
  context_->time_series = &list;
  const DirtyRange told{kSeries, "local tells of measurements", {10, 1}, false, "", 0};
  list.begin_pass(kSeries);  // one that has begun before, and has not looked at what comes behind it
  ASSERT_TRUE(queue_->mark_dirty(told).ok());
  std::atomic<int> passes = 0;
  std::jthread passing([&](const std::stop_token& stop) {
    for (std::uint64_t pass = 1; !stop.stop_requested(); sleep_for(std::chrono::milliseconds(1), stop)) {
      const std::vector<DirtyRange> ranges = queue_->dirty_ranges();
      if (ranges.empty() || ranges[0].reason == told.reason) continue;  // until verify has asked for one
      if (++passes > 1) backup_.series[kSeries] = local_.series[kSeries];
      list.end_pass(kSeries, pass);
      ASSERT_TRUE(queue_->finish_dirty(ranges[0]).ok());
      ASSERT_TRUE(queue_->mark_dirty({kSeries, "again", {10, 1}, false, "", 0}).ok());
      if (passes < 2) pass = list.begin_pass(kSeries);
      if (passes == 2) return;
    }
  });
  const VerifyStatus ended = ask({{}, true, false});
  EXPECT_EQ(passes.load(), 2) << "the one that had begun before does not count";
  EXPECT_TRUE(ended.differs.empty());
  EXPECT_EQ(proven_.size(), 1U);
  EXPECT_FALSE(queue_->dirty_ranges().empty());
}

TEST_F(VerifySeriesTest, AMeasurementThatTheMirrorLosesIsToldAfterwards) {
  local_.series[kSeries].push_back(reading(2));
  std::jthread loser([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      for (const DirtyRange& range : queue_->dirty_ranges()) {
        EXPECT_EQ(range.gap_start, DirtyRange::kNoGap);
        EXPECT_EQ(queue_->stats().dirty_ranges, 0U) << "as it should be, and no gap";
        EXPECT_TRUE(queue_->finish_dirty(range).ok());
      }
      sleep_for(std::chrono::milliseconds(1), stop);
    }
  });
  const VerifyStatus ended = ask({{}, true, false});
  ASSERT_EQ(ended.differs.size(), 1U);
  EXPECT_NE(service_->findings().find("shop.readings: 1 document"), std::string::npos) << service_->findings();
  EXPECT_TRUE(proven_.empty());
}

}  // namespace
}  // namespace dualsync::test
