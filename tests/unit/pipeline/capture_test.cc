#include "dualsync/pipeline/capture.h"

#include <deque>
#include <thread>

#include "support/bson_literal.h"
#include "support/names.h"
#include "support/pipeline_fixture.h"

namespace dualsync {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

std::string insert_event(int id) {
  const std::string key = R"({"_id": )" + std::to_string(id) + "}";
  return test::bson(R"({"_id": {"_data": "token"}, "operationType": "insert", "clusterTime": {"$timestamp": )"
                    R"({"t": 20, "i": )" +
                    std::to_string(id) +
                    R"(}}, "ns": {"db": "shop", "coll": "bills"}, )"
                    R"("documentKey": )" +
                    key + R"(, "fullDocument": )" + key + "}");
}

// Gives batches of as many inserts as it is told, then nothing until it is stopped.
class CountedStream final : public ChangeSource {
 public:
  explicit CountedStream(std::deque<int> batches) : batches_(std::move(batches)) {}
  Result<Position> open(const Position&) override { return position(); }
  Result<ChangeBatch> next(std::stop_token stop) override {
    if (batches_.empty()) std::this_thread::sleep_for(milliseconds(1));
    if (stop.stop_requested()) return Error{ErrorKind::kStopped, "", "", 0};
    ChangeBatch batch;
    if (!batches_.empty()) {
      events_.clear();
      for (int i = 0; i < batches_.front(); ++i) events_.push_back(insert_event(++last_));
      batches_.pop_front();
      batch.events.assign(events_.begin(), events_.end());
    }
    batch.position = position();
    return batch;
  }
  void close() override {}

 private:
  Position position() const {
    return Position{test::bson("{}"), {20, static_cast<std::uint32_t>(last_) + 1}, false, "rs"};
  }

  std::deque<int> batches_;
  std::deque<std::string> events_;
  int last_ = 0;
};

class CountedLocal final : public LocalSide {
 public:
  explicit CountedLocal(std::deque<int> batches) : batches_(std::move(batches)) {}
  std::unique_ptr<ChangeSource> make_change_source() override { return std::make_unique<CountedStream>(batches_); }
  std::unique_ptr<DocumentReader> make_reader() override { return std::make_unique<test::FakeReader>(server_); }

 private:
  const std::deque<int> batches_;
  test::FakeServer server_;
};

class CapturePaceTest : public test::PipelineFixture {
 protected:
  // How many operations are in the queue when it rests.
  std::uint64_t captured_until_it_rests(std::deque<int> batches, std::uint64_t expected) {
    pipeline_.capture_pause = hours(1);
    CountedLocal local(std::move(batches));
    PipelineContext context{pipeline_, scope_, local, backup_side_, *queue_, breaker_, counters_, system_clock()};
    Capture capture(context);
    std::jthread thread([&capture](std::stop_token stop) { static_cast<void>(capture.step(stop)); });
    for (int i = 0; i < 1000 && queue_->stats().operations < expected; ++i)
      std::this_thread::sleep_for(milliseconds(10));
    std::this_thread::sleep_for(milliseconds(50));  // whoever does not rest has stored the next one by then
    return queue_->stats().operations;              // the thread is stopped in the middle of its hour
  }
};

TEST_F(CapturePaceTest, RestsAfterAFewEvents) { EXPECT_EQ(captured_until_it_rests({3, 5}, 3), 3U); }

TEST_F(CapturePaceTest, AFullReplyIsFollowedByTheNextAtOnce) {
  EXPECT_EQ(captured_until_it_rests({200, 100, 7, 5}, 307), 307U);
}

TEST_F(CapturePaceTest, DoesNotRestWhereNothingCame) { EXPECT_EQ(captured_until_it_rests({0, 0, 2, 5}, 2), 2U); }

}  // namespace
}  // namespace dualsync
