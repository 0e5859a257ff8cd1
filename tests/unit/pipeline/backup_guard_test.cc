#include "dualsync/pipeline/backup_guard.h"

#include <gtest/gtest.h>

#include "dualsync/base/log.h"
#include "dualsync/pipeline/writer_guard.h"
#include "support/fake_clock.h"
#include "support/fake_probe.h"
#include "support/fake_state.h"
#include "support/queue_fixture.h"

namespace dualsync {
namespace {

const LocalIdentity kLocal{"rs0", "set", "marker", 3};

LeaseRecord lease(std::int64_t epoch, std::int64_t renewal) {
  LeaseRecord record;
  record.epoch = epoch;
  record.renewal = renewal;
  return record;
}

class BackupGuardTest : public test::QueueFixture {
 protected:
  void SetUp() override {
    log::configure(log::Level::kOff, log::Format::kJson);
    open();
    restart("new id");
  }
  void restart(const std::string& new_id) {
    guard_ = std::make_unique<BackupGuard>(*queue_, BackupGuardOptions{"shop", lease_name_, new_id, [this] {
                                                                         ++forgotten_;
                                                                         return Result<void>();
                                                                       }});
  }
  // As after a first copy: everything up to here is on the backup.
  void applied_up_to(OpTime time) {
    AppendBatch batch;
    batch.position = {"token", time, false, "rs0"};
    ASSERT_TRUE(queue_->append(batch).ok());
    ASSERT_EQ(queue_->applied_position(), time);
  }
  void known(const std::string& id, std::int64_t epoch, std::int64_t renewal) {
    ASSERT_TRUE(guard_->remember(id, lease(epoch, renewal)).ok());
  }

  std::uint64_t losses_after(const FoundBackup& found) {
    EXPECT_TRUE(guard_->recognise(found).ok());
    return guard_->losses();
  }

  int forgotten_ = 0;
  std::string lease_name_ = "shop";
  std::unique_ptr<BackupGuard> guard_;
};

TEST_F(BackupGuardTest, AFirstStartTakesWhatIsThere) {
  EXPECT_EQ(losses_after({"", false, std::nullopt}), 0U);
  EXPECT_EQ(losses_after({"there", true, lease(4, 2)}), 0U);
  EXPECT_EQ(losses_after({"", true, lease(4, 2)}), 0U) << "it was given none yet";
  EXPECT_TRUE(queue_->dirty_ranges().empty());
}

TEST_F(BackupGuardTest, TheSameBackupIsKnownAgain) {
  applied_up_to({100, 1});
  known("there", 4, 2);
  restart("another");
  EXPECT_EQ(losses_after({"there", true, lease(4, 2)}), 0U);
  EXPECT_EQ(losses_after({"there", true, lease(4, 7)}), 0U) << "an answer was lost";
  EXPECT_EQ(losses_after({"there", true, lease(9, 0)}), 0U) << "somebody else wrote meanwhile";
  EXPECT_EQ(losses_after({"there", true, std::nullopt}), 0U) << "the lease was taken away";
  EXPECT_TRUE(queue_->dirty_ranges().empty());
  EXPECT_EQ(queue_->applied_position(), (OpTime{100, 1}));
  EXPECT_EQ(forgotten_, 0);
}

TEST_F(BackupGuardTest, AnEmptyBackupGetsEverythingAndNothingCountsAsApplied) {
  applied_up_to({100, 1});
  known("there", 4, 2);
  EXPECT_EQ(losses_after({"", false, std::nullopt}), 1U);
  const auto dirty = queue_->dirty_ranges();
  ASSERT_EQ(dirty.size(), 1U);
  EXPECT_EQ(dirty[0].ns, (Namespace{"shop", ""}));
  EXPECT_TRUE(dirty[0].gap_start.is_null());
  EXPECT_TRUE(dirty[0].first_copy) << "what is there already is somebody else's";
  EXPECT_TRUE(queue_->applied_position().is_null());
  EXPECT_EQ(forgotten_, 1);
  open();
  EXPECT_TRUE(queue_->applied_position().is_null());
  EXPECT_EQ(queue_->dirty_ranges().size(), 1U);
}

TEST_F(BackupGuardTest, AnotherBackupAndAnOlderStateOfTheSameAreCompared) {
  applied_up_to({100, 1});
  known("there", 4, 2);
  EXPECT_EQ(losses_after({"elsewhere", true, lease(40, 0)}), 1U);
  ASSERT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_FALSE(queue_->dirty_ranges()[0].first_copy) << "what local has dropped meanwhile has to go there, too";
  ASSERT_TRUE(queue_->finish_dirty(queue_->dirty_ranges()[0]).ok());
  EXPECT_EQ(queue_->applied_position(), (OpTime{100, 1}));
  EXPECT_EQ(losses_after({"there", true, lease(4, 1)}), 2U);
  EXPECT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_TRUE(queue_->applied_position().is_null());
}

TEST_F(BackupGuardTest, TheLeaseOfAnotherScopeSaysNothing) {
  applied_up_to({100, 1});
  known("there", 4, 2);
  lease_name_ = "";
  restart("another");
  EXPECT_EQ(losses_after({"there", false, lease(1, 0)}), 0U);
}

TEST_F(BackupGuardTest, UntilItIsRememberedItIsFoundOutAgain) {
  applied_up_to({100, 1});
  known("there", 4, 2);
  ASSERT_EQ(losses_after({"", false, std::nullopt}), 1U);
  open();
  restart("second try");
  ASSERT_EQ(losses_after({"new id", true, lease(1, 0)}), 1U);
  known("new id", 2, 0);
  open();
  restart("third");
  EXPECT_EQ(losses_after({"new id", true, lease(2, 0)}), 0U);
}

TEST_F(BackupGuardTest, AQueueOfAnEarlierVersionTrustsABackupOfOurs) {
  applied_up_to({100, 1});
  EXPECT_EQ(losses_after({"", true, lease(4, 2)}), 0U);
  EXPECT_TRUE(queue_->dirty_ranges().empty());
  EXPECT_EQ(losses_after({"", false, std::nullopt}), 1U) << "but an empty one cannot hold what was applied";
}

class WriterGuardTest : public BackupGuardTest {
 protected:
  void SetUp() override {
    BackupGuardTest::SetUp();
    local_ = std::make_unique<LocalGuard>(std::make_unique<test::FakeProbe>(right_local_), "marker", *queue_, clock_);
    ASSERT_TRUE(local_->confirm().ok());
    LeaseHolder me;
    me.installation = "a";
    me.process = "p";
    writer_ = std::make_unique<WriterGuard>(LeaseOptions{}, me, std::make_unique<test::FakeState>(backup_), *local_,
                                            *guard_, clock_);
  }
  // Until nothing is left to send at this time.
  void serve() {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(writer_->step(breaker_).ok());
  }

  test::FakeClock clock_;
  CircuitBreaker breaker_{clock_, 1};
  test::StoredState backup_;
  test::ProbedLocal right_local_{"process", {kLocal, true, {100, 1}}};
  std::unique_ptr<LocalGuard> local_;
  std::unique_ptr<WriterGuard> writer_;
};

TEST_F(WriterGuardTest, OpensTheGateOnceTheBackupIsKnown) {
  EXPECT_FALSE(writer_->may_write().ok());
  serve();
  EXPECT_TRUE(writer_->may_write().ok());
  EXPECT_EQ(backup_.identity, right_local_.found.identity);
  EXPECT_EQ(backup_.id, "new id");
  EXPECT_TRUE(queue_->dirty_ranges().empty());
}

TEST_F(WriterGuardTest, ABackupThatIsExchangedUnderTheRunningProcessIsNoticedAtTheNextRenewal) {
  applied_up_to({100, 1});
  backup_.identity = kLocal;
  backup_.id = "there";
  serve();
  backup_ = {};
  clock_.advance(std::chrono::seconds(15));
  serve();
  EXPECT_TRUE(writer_->may_write().ok());
  EXPECT_EQ(guard_->losses(), 1U);
  ASSERT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_TRUE(queue_->applied_position().is_null());
  EXPECT_EQ(backup_.id, "new id");
}

TEST_F(WriterGuardTest, AnOlderStateOfTheBackupIsNoticedToo) {
  applied_up_to({100, 1});
  backup_.identity = kLocal;
  backup_.id = "there";
  serve();
  const test::StoredState snapshot = backup_;
  for (int i = 0; i < 3; ++i) {
    clock_.advance(std::chrono::seconds(15));
    serve();
  }
  ASSERT_EQ(guard_->losses(), 0U);
  backup_ = snapshot;
  clock_.advance(std::chrono::seconds(15));
  serve();
  EXPECT_EQ(guard_->losses(), 1U);
  EXPECT_EQ(backup_.id, "there");
  EXPECT_TRUE(writer_->may_write().ok());
}

TEST_F(WriterGuardTest, ALostAnswerIsNoLoss) {
  applied_up_to({100, 1});
  backup_.identity = kLocal;
  backup_.id = "there";
  serve();
  ++backup_.lease->renewal;  // a renewal that arrived although nobody heard of it
  clock_.advance(std::chrono::seconds(15));
  serve();
  EXPECT_EQ(guard_->losses(), 0U);
  EXPECT_TRUE(writer_->may_write().ok());
  EXPECT_TRUE(queue_->dirty_ranges().empty());
}

}  // namespace
}  // namespace dualsync
