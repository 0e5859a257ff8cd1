#include "dualsync/pipeline/local_guard.h"

#include <gtest/gtest.h>

#include "dualsync/base/log.h"
#include "support/fake_clock.h"
#include "support/fake_probe.h"
#include "support/queue_fixture.h"

namespace dualsync {
namespace {

class LocalGuardTest : public test::QueueFixture {
 protected:
  void SetUp() override {
    log::configure(log::Level::kOff, log::Format::kJson);
    open();
    start();
  }
  // As a new process does.
  void start() {
    guard_ = std::make_unique<LocalGuard>(std::make_unique<test::FakeProbe>(server_), "new marker", *queue_, clock_);
  }
  ErrorKind refused() {
    const auto confirmed = guard_->confirm();
    EXPECT_FALSE(confirmed.ok());
    return confirmed.ok() ? ErrorKind::kStopped : confirmed.error().kind;
  }

  test::ProbedLocal server_;
  test::FakeClock clock_;
  std::unique_ptr<LocalGuard> guard_;
};

TEST_F(LocalGuardTest, TakesTheFirstLocalAndMarksIt) {
  EXPECT_TRUE(guard_->first_start());
  ASSERT_TRUE(guard_->confirm().ok());
  EXPECT_EQ(guard_->view().trust, LocalTrust::kRight);
  EXPECT_EQ(guard_->identity()->marker, "new marker");
  EXPECT_FALSE(guard_->first_start());
  ASSERT_TRUE(guard_->confirm().ok());
  EXPECT_EQ(server_.asked, 1) << "the same process is asked once";
}

TEST_F(LocalGuardTest, ARestartOfTheSameLocalIsRight) {
  ASSERT_TRUE(guard_->confirm().ok());
  server_.instance = "process 2";
  EXPECT_TRUE(guard_->confirm().ok());
  start();
  EXPECT_TRUE(guard_->confirm().ok());
  EXPECT_EQ(server_.found.identity.mark, 3);
}

TEST_F(LocalGuardTest, AnEmptyLocalIsWrongAndTheRightOneIsWelcomeBack) {
  ASSERT_TRUE(guard_->confirm().ok());
  const test::ProbedLocal right = server_;
  server_.instance = "process 2";
  server_.found.identity = {"rs0", "", "", 0};
  EXPECT_EQ(refused(), ErrorKind::kConflict);
  EXPECT_EQ(guard_->view().trust, LocalTrust::kWrong);
  EXPECT_NE(guard_->view().cause.find("marker is missing"), std::string::npos);
  EXPECT_FALSE(guard_->identity().has_value());
  EXPECT_TRUE(server_.found.identity.marker.empty()) << "a wrong local gets no marker of ours";
  server_ = right;
  EXPECT_TRUE(guard_->confirm().ok());
  EXPECT_EQ(guard_->view().trust, LocalTrust::kRight);
}

TEST_F(LocalGuardTest, AnOlderCopyIsToldByTheMarkersCount) {
  ASSERT_TRUE(guard_->confirm().ok());
  const FoundLocal copy = server_.found;
  clock_.advance(std::chrono::minutes(1));
  guard_->changes_came();
  EXPECT_EQ(server_.found.identity.mark, 2);
  server_.found = copy;
  server_.instance = "process 2";
  EXPECT_EQ(refused(), ErrorKind::kConflict);
  EXPECT_NE(guard_->view().cause.find("older copy"), std::string::npos);
}

TEST_F(LocalGuardTest, ALocalBehindOurPositionIsAnOlderCopyEvenWithoutAMarker) {
  server_.read_only = true;
  ASSERT_TRUE(guard_->confirm().ok());
  AppendBatch batch;
  batch.position = {"token", {2000, 1}, false, "rs0"};
  ASSERT_TRUE(queue_->append(batch).ok());
  server_.instance = "process 2";
  EXPECT_EQ(refused(), ErrorKind::kConflict);
  server_.found.newest = {2000, 1};
  EXPECT_TRUE(guard_->confirm().ok());
}

TEST_F(LocalGuardTest, AnotherReplicaSetIsWrong) {
  server_.read_only = true;
  ASSERT_TRUE(guard_->confirm().ok());
  server_.instance = "process 2";
  server_.found.identity.set_id = "set 2";
  EXPECT_EQ(refused(), ErrorKind::kConflict);
  server_.found.identity.set_id = "";  // not told any more: nothing against it
  EXPECT_TRUE(guard_->confirm().ok());
}

TEST_F(LocalGuardTest, TheBackupKnowsWhoseItIsWhenTheDataDirectoryIsNew) {
  ASSERT_TRUE(guard_->confirm().ok());
  guard_->backup_belongs_to(LocalIdentity{"rs0", "", "another marker", 5});
  EXPECT_EQ(guard_->view().trust, LocalTrust::kWrong);
  EXPECT_EQ(refused(), ErrorKind::kConflict);
  EXPECT_NE(guard_->view().cause.find("another marker"), std::string::npos);
  EXPECT_NE(guard_->view().cause.find("new marker"), std::string::npos) << "both are named";
}

TEST_F(LocalGuardTest, AnAdoptedLocalWinsOverTheBackupsWordOnce) {
  ASSERT_TRUE(queue_->put_state(kStateAdopt, "1").ok());
  start();
  guard_->backup_belongs_to(LocalIdentity{"rs0", "", "another marker", 5});
  EXPECT_TRUE(guard_->confirm().ok());
  ASSERT_TRUE(guard_->adopted().ok());
  EXPECT_FALSE(queue_->get_state(kStateAdopt)->has_value());
  guard_->backup_belongs_to(LocalIdentity{"rs0", "", "another marker", 5});
  EXPECT_EQ(guard_->view().trust, LocalTrust::kWrong);
}

TEST_F(LocalGuardTest, ALocalThatIsAwayIsNotAWrongOne) {
  ASSERT_TRUE(guard_->confirm().ok());
  server_.down = true;
  EXPECT_EQ(refused(), ErrorKind::kConnectivity);
  EXPECT_EQ(guard_->view().trust, LocalTrust::kRight);
}

}  // namespace
}  // namespace dualsync
