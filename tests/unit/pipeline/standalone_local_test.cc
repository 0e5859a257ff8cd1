#include "dualsync/pipeline/standalone_local.h"

#include <gtest/gtest.h>

#include <thread>

#include "dualsync/pipeline/capture.h"
#include "dualsync/pipeline/lane.h"
#include "support/fake_clock.h"
#include "support/pipeline_fixture.h"

namespace dualsync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A clock of the machine that somebody sets back.
class SetBackClock final : public Clock {
 public:
  SteadyTime now() const override { return {}; }
  std::int64_t unix_ms() const override { return ms; }
  std::int64_t ms = 1'764'442'800'000;
};

TEST(StandaloneClock, GrowsWithEveryTimeThatItGives) {
  SetBackClock clock;
  StandaloneClock times(clock);
  const OpTime first = times.now();
  EXPECT_EQ(first, (OpTime{1'764'442'800, 1}));
  const OpTime second = times.now();
  EXPECT_GT(second, first) << "within one millisecond";
  clock.ms -= 3'600'000;
  EXPECT_GT(times.now(), second) << "set back by an hour";
  clock.ms += 7'200'000;
  EXPECT_EQ(times.now().t, 1'764'446'400U);
}

TEST(StandaloneClock, GoesOnBehindAnEarlierProcess) {
  SetBackClock clock;
  StandaloneClock times(clock);
  times.passed({1'800'000'000, 7});
  EXPECT_GT(times.now(), (OpTime{1'800'000'000, 7}));
}

class StandaloneLocalTest : public test::PipelineFixture {
 protected:
  void SetUp() override {
    PipelineFixture::SetUp();
    local_.time = {};  // a standalone has none
  }
  test::FakeClock clock_;
  StandaloneLocal standalone_{local_side_, clock_};
};

TEST_F(StandaloneLocalTest, PassesTheTimeOfEveryReadBeforeIt) {
  auto source = standalone_.make_change_source();
  const auto reader = standalone_.make_reader();
  const auto opened = source->open({});
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->token, Position::kNoStream);
  EXPECT_FALSE(source->follows_changes());
  const auto read = reader->find_by_ids({"shop", "bills"}, {}, OpTime{4'000'000'000, 1}, [](std::string_view) {});
  ASSERT_TRUE(read);
  const auto asked = reader->cluster_time();
  ASSERT_TRUE(asked);
  EXPECT_GT(*asked, *read);
  const auto batch = source->next({});
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->events.empty());
  EXPECT_GT(batch->position.time, *asked);
  auto again = standalone_.make_change_source();
  const auto resumed = again->open({std::string(Position::kNoStream), {4'000'000'000, 1}, false, ""});
  ASSERT_TRUE(resumed);
  EXPECT_GT(resumed->time, (OpTime{4'000'000'000, 1})) << "a position never goes back";
}

TEST_F(StandaloneLocalTest, ALocalThatIsGoneIsNoticed) {
  auto source = standalone_.make_change_source();
  ASSERT_TRUE(source->open({}));
  local_.down = true;
  EXPECT_TRUE(source->next({})) << "not asked every time";
  clock_.advance(seconds(2));
  const auto gone = source->next({});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::kConnectivity);
  EXPECT_FALSE(standalone_.make_reader()->cluster_time());
  EXPECT_FALSE(source->open({}));
}

TEST_F(StandaloneLocalTest, CaptureSaysSoAndATouchGetsThrough) {
  PipelineContext context{pipeline_, scope_, standalone_, backup_side_, *queue_, breaker_, counters_, system_clock()};
  Capture capture(context);
  std::stop_source stop;
  std::jthread thread([&] { EXPECT_TRUE(capture.step(stop.get_token()).ok() || stop.stop_requested()); });
  for (int i = 0; i < 200 && queue_->position().empty(); ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(capture.view().state, CaptureState::kStandalone);
  ASSERT_EQ(queue_->dirty_ranges().size(), 1U) << "the first copy";
  ASSERT_TRUE(queue_->finish_dirty(queue_->dirty_ranges().front()));

  local_.put({"shop", "bills"}, test::document("1", 7));
  append({test::make_op(OpKind::kTouch, "1", "", queue_->position().time)});
  const auto asked = standalone_.make_reader()->cluster_time();
  ASSERT_TRUE(asked);
  Lane lane(context, 0);
  std::jthread worker([&] { EXPECT_TRUE(lane.run(stop.get_token()).ok()); });
  for (int i = 0; i < 200 && queue_->stats().operations > 0; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(queue_->stats().operations, 0U);
  EXPECT_EQ(backup_.get({"shop", "bills"}, test::id_key("1")), test::document("1", 7));
  EXPECT_TRUE(queue_->wait_position(*asked, seconds(5)));
  EXPECT_GE(queue_->applied_position(), *asked);
  stop.request_stop();
}

// A change stream of a server that was a standalone one until now.
class NewStream final : public ChangeSource {
 public:
  Result<Position> open(const Position&) override { return Position{"token", {2'000'000'000, 1}, false, "rs0"}; }
  Result<ChangeBatch> next(std::stop_token) override { return Error{ErrorKind::kStopped, "", "", 0}; }
  void close() override {}
};

class ConvertedLocal final : public LocalSide {
 public:
  std::unique_ptr<ChangeSource> make_change_source() override { return std::make_unique<NewStream>(); }
  std::unique_ptr<DocumentReader> make_reader() override { return nullptr; }
};

TEST_F(StandaloneLocalTest, AReplicaSetMadeOfItIsComparedAsAWhole) {
  AppendBatch before;
  before.position = {std::string(Position::kNoStream), {1'900'000'000, 1}, false, ""};
  ASSERT_TRUE(queue_->append(before));
  ConvertedLocal converted;
  PipelineContext context{pipeline_, scope_, converted, backup_side_, *queue_, breaker_, counters_, system_clock()};
  Capture capture(context);
  static_cast<void>(capture.step({}));
  EXPECT_EQ(queue_->position().token, "token");
  const auto ranges = queue_->dirty_ranges();
  ASSERT_EQ(ranges.size(), 1U);
  EXPECT_TRUE(ranges.front().ns.db.empty());
  EXPECT_FALSE(ranges.front().first_copy);
  EXPECT_EQ(counters_.gaps, 1U);
}

TEST_F(StandaloneLocalTest, ThatItBecameAReplicaSetWhileWeRunIsSaid) {
  class BothLocal final : public LocalSide {
   public:
    explicit BothLocal(LocalSide& readers) : readers_(readers) {}
    std::unique_ptr<ChangeSource> make_change_source() override { return std::make_unique<NewStream>(); }
    std::unique_ptr<DocumentReader> make_reader() override { return readers_.make_reader(); }

   private:
    LocalSide& readers_;
  } both(local_side_);
  StandaloneLocal standalone(both, clock_);
  const auto opened = standalone.make_change_source()->open({});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kConflict);
  EXPECT_NE(opened.error().message.find("replica set"), std::string::npos);
}

}  // namespace
}  // namespace dualsync
