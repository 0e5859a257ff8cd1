// The schedule of verify is that of time series, too.
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
  std::jthread mirror([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      for (const DirtyRange& range : queue_->dirty_ranges()) {
        if (range.reason != "told") backup_.series[kSeries] = local_.series[kSeries];
        EXPECT_TRUE(queue_->finish_dirty(range).ok());
        EXPECT_TRUE(queue_->mark_dirty({kSeries, "told", {10, 1}, false, "", 0}).ok());
      }
      sleep_for(std::chrono::milliseconds(1), stop);
    }
  });
  const VerifyStatus ended = ask({{}, true, false});
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
