// BackupState: what the lease, and the guards of the backup and of local, rely on.
#include "contract/port_sides.h"

namespace dualsync::test {
namespace {

LeaseRecord record(std::int64_t epoch, std::int64_t renewal, const std::string& who) {
  LeaseRecord made;
  made.epoch = epoch;
  made.renewal = renewal;
  made.holder = {who, "process of " + who, "boot", "host", 42, "/data/" + who, 1'795'372'200'123};
  made.duration = std::chrono::milliseconds(60'000);
  made.timeout = std::chrono::milliseconds(40'000);
  return made;
}

std::optional<LeaseRecord> lease_in(BackupState& state) {
  auto lease = state.read_lease();
  EXPECT_TRUE(succeeds(lease));
  return lease.ok() ? *lease : std::nullopt;
}

bool replaces(BackupState& state, const std::optional<LeaseRecord>& expected, const LeaseRecord& next) {
  const auto replaced = state.replace_lease(expected, next);
  EXPECT_TRUE(succeeds(replaced));
  return replaced.ok() && *replaced;
}

// That it was refused because somebody else was first, which is no error.
bool comes_late(BackupState& state, const std::optional<LeaseRecord>& expected, const LeaseRecord& next) {
  const auto replaced = state.replace_lease(expected, next);
  EXPECT_TRUE(succeeds(replaced));
  return replaced.ok() && !*replaced;
}

std::optional<LocalIdentity> identity_in(BackupState& state) {
  auto identity = state.read_identity();
  EXPECT_TRUE(succeeds(identity));
  return identity.ok() ? *identity : std::nullopt;
}

std::string id_in(BackupState& state) {
  auto id = state.read_backup_id();
  EXPECT_TRUE(succeeds(id));
  return id.ok() ? *id : std::string("the id cannot be read");
}

TEST_P(StateContract, NothingIsThereAtFirst) {
  EXPECT_FALSE(lease_in(*state_).has_value());
  EXPECT_FALSE(identity_in(*state_).has_value());
  if (fresh_) {
    EXPECT_EQ(id_in(*state_), "");
  }
}

// Every field has a value of its own, and one that a narrower type or another encoding would spoil.
TEST_P(StateContract, ALeaseComesBackAsItWasWritten) {
  constexpr std::int64_t kWide = std::int64_t{1} << 40;
  const LeaseRecord written{
      kWide + 1,
      kWide + 2,
      {"installation é", "process 二", "boot \"b\"", "host\\h", kWide + 3, "/data/a b", kWide + 4},
      std::chrono::milliseconds(kWide + 5),
      std::chrono::milliseconds(kWide + 6)};
  ASSERT_TRUE(replaces(*state_, std::nullopt, written));
  const auto read = lease_in(*other_);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->epoch, written.epoch);
  EXPECT_EQ(read->renewal, written.renewal);
  EXPECT_EQ(read->holder.installation, written.holder.installation);
  EXPECT_EQ(read->holder.process, written.holder.process);
  EXPECT_EQ(read->holder.boot, written.holder.boot);
  EXPECT_EQ(read->holder.host, written.holder.host);
  EXPECT_EQ(read->holder.pid, written.holder.pid);
  EXPECT_EQ(read->holder.data_dir, written.holder.data_dir);
  EXPECT_EQ(read->holder.since_ms, written.holder.since_ms);
  EXPECT_EQ(read->duration, written.duration);
  EXPECT_EQ(read->timeout, written.timeout);
  EXPECT_EQ(*read, written) << "a field that this test does not know";
  EXPECT_EQ(lease_in(*state_), written) << "whoever wrote it reads the same";
}

TEST_P(StateContract, ALeaseThatWasGivenUpComesBackAsHeldByNobody) {
  ASSERT_TRUE(replaces(*state_, std::nullopt, record(1, 0, "a")));
  LeaseRecord given_up;
  given_up.epoch = 1;
  given_up.renewal = 1;
  ASSERT_TRUE(replaces(*state_, record(1, 0, "a"), given_up));
  const auto read = lease_in(*other_);
  ASSERT_TRUE(read.has_value()) << "it is there all the same: its epoch must not start over";
  EXPECT_FALSE(read->held());
  EXPECT_EQ(*read, given_up) << "nothing is left of the holder before";
  EXPECT_TRUE(comes_late(*other_, std::nullopt, record(1, 0, "b")));
  EXPECT_TRUE(replaces(*other_, given_up, record(2, 0, "b")));
  EXPECT_EQ(lease_in(*state_), record(2, 0, "b"));
}

TEST_P(StateContract, OfTwoThatTakeItTheSecondComesLateAndChangesNothing) {
  EXPECT_TRUE(replaces(*state_, std::nullopt, record(1, 0, "a")));
  EXPECT_TRUE(comes_late(*other_, std::nullopt, record(7, 3, "b")));
  EXPECT_TRUE(comes_late(*state_, std::nullopt, record(1, 0, "a"))) << "nor may the holder take it twice";
  EXPECT_EQ(lease_in(*state_), record(1, 0, "a"));
}

TEST_P(StateContract, WhatIsNotThereCannotBeRenewed) {
  EXPECT_TRUE(comes_late(*state_, record(1, 0, "a"), record(1, 1, "a")));
  EXPECT_TRUE(comes_late(*state_, LeaseRecord{}, record(1, 1, "a"))) << "an empty record is not none";
  EXPECT_FALSE(lease_in(*state_).has_value());
}

TEST_P(StateContract, ARenewalThatKnowsTheStoredRecordReplacesItAll) {
  ASSERT_TRUE(replaces(*state_, std::nullopt, record(4, 7, "a")));
  EXPECT_TRUE(replaces(*state_, record(4, 7, "a"), record(4, 8, "a")));
  EXPECT_EQ(lease_in(*other_), record(4, 8, "a"));
  const LeaseRecord taken_over{5,
                               0,
                               {"b", "another process", "another boot", "another host", 43, "/elsewhere", 9},
                               std::chrono::milliseconds(1),
                               std::chrono::milliseconds(2)};
  EXPECT_TRUE(replaces(*other_, record(4, 8, "a"), taken_over));
  EXPECT_EQ(lease_in(*state_), taken_over);
}

TEST_P(StateContract, ARenewalThatKnowsAnotherRecordComesLateAndChangesNothing) {
  ASSERT_TRUE(replaces(*state_, std::nullopt, record(4, 7, "a")));
  struct {
    std::int64_t epoch;
    std::int64_t renewal;
  } const others[] = {{3, 7}, {4, 6}, {3, 6}, {3, 8}, {5, 7}, {4, 8}, {5, 6}, {7, 4}, {0, 0}};
  for (const auto& [epoch, renewal] : others) {
    EXPECT_TRUE(comes_late(*other_, record(epoch, renewal, "a"), record(9, 9, "b"))) << epoch << ", " << renewal;
    EXPECT_EQ(lease_in(*state_), record(4, 7, "a")) << epoch << ", " << renewal;
  }
  ASSERT_TRUE(replaces(*other_, record(4, 7, "a"), record(5, 0, "b")));
  EXPECT_TRUE(comes_late(*state_, record(4, 7, "a"), record(4, 8, "a"))) << "it was taken over meanwhile";
  EXPECT_EQ(lease_in(*state_), record(5, 0, "b"));
}

// Whoever knows both numbers has read the record: what people read in it is not compared.
TEST_P(StateContract, OnlyEpochAndRenewalAreCompared) {
  ASSERT_TRUE(replaces(*state_, std::nullopt, record(4, 7, "a")));
  LeaseRecord numbers;
  numbers.epoch = 4;
  numbers.renewal = 7;
  EXPECT_TRUE(replaces(*other_, numbers, record(5, 0, "b")));
  EXPECT_EQ(lease_in(*state_), record(5, 0, "b"));
}

TEST_P(StateContract, TheIdentityOfLocalIsKeptAndOverwritten) {
  const LocalIdentity first{"rs é", "65a000000000000000000001", "3f2c", (std::int64_t{1} << 40) + 17};
  ASSERT_TRUE(succeeds(state_->write_identity(first)));
  const auto read = identity_in(*other_);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->set_name, first.set_name);
  EXPECT_EQ(read->set_id, first.set_id);
  EXPECT_EQ(read->marker, first.marker);
  EXPECT_EQ(read->mark, first.mark);
  EXPECT_EQ(*read, first) << "a field that this test does not know";
  // An adopted local may know less of itself, and its count may be smaller.
  const LocalIdentity second{"rs1", "", "77ab", 1};
  ASSERT_TRUE(succeeds(other_->write_identity(second)));
  EXPECT_EQ(identity_in(*state_), second) << "nothing is left of the one before";
  ASSERT_TRUE(succeeds(state_->write_identity(LocalIdentity{})));
  EXPECT_EQ(identity_in(*other_), LocalIdentity{}) << "an empty one is not none";
}

TEST_P(StateContract, TheBackupGetsOneIdThatStays) {
  const std::string before = id_in(*state_);
  ASSERT_TRUE(succeeds(state_->give_backup_id("first")));
  const std::string id = id_in(*other_);
  EXPECT_EQ(id, before.empty() ? "first" : before);
  ASSERT_TRUE(succeeds(other_->give_backup_id("second"))) << "to come late is no error";
  EXPECT_EQ(id_in(*state_), id);
  ASSERT_TRUE(succeeds(state_->give_backup_id("third")));
  EXPECT_EQ(id_in(*other_), id);
}

TEST_P(StateContract, LeaseIdentityAndIdDoNotTouchEachOther) {
  const LocalIdentity identity{"rs0", "set", "marker", 3};
  ASSERT_TRUE(succeeds(state_->give_backup_id("id")));
  const std::string id = id_in(*state_);
  EXPECT_FALSE(lease_in(*state_).has_value());
  EXPECT_FALSE(identity_in(*state_).has_value());
  ASSERT_TRUE(succeeds(state_->write_identity(identity)));
  EXPECT_FALSE(lease_in(*state_).has_value());
  ASSERT_TRUE(replaces(*state_, std::nullopt, record(1, 0, "a")));
  ASSERT_TRUE(replaces(*state_, record(1, 0, "a"), record(1, 1, "a")));
  EXPECT_EQ(identity_in(*state_), identity);
  EXPECT_EQ(id_in(*state_), id);
  ASSERT_TRUE(succeeds(state_->write_identity(LocalIdentity{"rs0", "set", "marker", 4})));
  EXPECT_EQ(lease_in(*state_), record(1, 1, "a"));
  EXPECT_EQ(id_in(*state_), id);
}

}  // namespace
}  // namespace dualsync::test
