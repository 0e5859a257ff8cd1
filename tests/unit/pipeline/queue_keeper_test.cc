#include "dualsync/pipeline/queue_keeper.h"

#include <thread>

#include "support/fake_clock.h"
#include "support/forgetful_env.h"
#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class QueueKeeperTest : public test::QueueFixture {
 protected:
  QueueKeeperTest() {
    options_.directory = "/queue";
    options_.env = &disk_;
    options_.clock = &clock_;
    open();
  }
  ~QueueKeeperTest() override { queue_.reset(); }
  void fail() {
    disk_.set_full(true);
    ASSERT_FALSE(queue_->put_state("x", "y").ok());
  }

  test::FakeClock clock_;
  test::ForgetfulEnv disk_;
};

TEST_F(QueueKeeperTest, TriesAtOnceThenWithTheUsualDelays) {
  QueueKeeper keeper(*queue_, clock_);
  fail();
  keeper.tend();  // the first try fails, the next is due in a second
  disk_.set_full(false);
  clock_.advance(milliseconds(800));
  keeper.tend();
  EXPECT_TRUE(queue_->trouble()) << "too early";
  clock_.advance(milliseconds(400));
  keeper.tend();
  EXPECT_FALSE(queue_->trouble());
}

TEST_F(QueueKeeperTest, ADiskThatFailsAgainAtOnceIsTriedLessOften) {
  QueueKeeper keeper(*queue_, clock_);
  for (int i = 0; i < 3; ++i) {
    fail();
    keeper.tend();
    clock_.advance(seconds(40));
  }
  disk_.set_full(false);
  clock_.advance(seconds(40));
  keeper.tend();
  EXPECT_FALSE(queue_->trouble());
}

TEST_F(QueueKeeperTest, OutlastEndsWhenTheQueueIsWell) {
  QueueKeeper keeper(*queue_, clock_);
  fail();
  std::atomic<bool> over{false};
  std::jthread waiting([&] {
    EXPECT_TRUE(outlast(*queue_->trouble(), *queue_, {}).ok());
    over = true;
  });
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_FALSE(over);
  disk_.set_full(false);
  keeper.tend();
  waiting.join();
  EXPECT_TRUE(over);
}

TEST_F(QueueKeeperTest, OutlastEndsWhenStopped) {
  fail();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(outlast(*queue_->trouble(), *queue_, stop.get_token()).ok());
}

TEST_F(QueueKeeperTest, OtherErrorsAreNotOutlasted) {
  const Error damaged{ErrorKind::kCorruption, "damaged", "", 0};
  const auto result = outlast(damaged, *queue_, {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kCorruption);
}

}  // namespace
}  // namespace dualsync
