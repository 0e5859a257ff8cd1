#include "dualsync/mongo/backup_state.h"
#include "mongo_fixture.h"

namespace dualsync::test {
namespace {

LeaseRecord record(std::int64_t epoch, std::int64_t renewal, const std::string& who) {
  LeaseRecord made;
  made.epoch = epoch;
  made.renewal = renewal;
  made.holder = {who, "process", "boot", "host", 42, "/data/" + who, 1'795'372'200'123};
  made.duration = std::chrono::milliseconds(60'000);
  made.timeout = std::chrono::milliseconds(40'000);
  return made;
}

class BackupStateTest : public MongoTest {
 protected:
  void SetUp() override {
    MongoTest::SetUp();
    if (HasFatalFailure()) return;
    state_ = backup_->make_backup_state(db_);
    other_ = backup_->make_backup_state(db_);
  }
  void TearDown() override {
    if (!state_) return;
    run_on_backup(R"({"delete": "state", "deletes": [{"q": {"_id": {"$in": ["lease/)" + db_ + R"(", "identity/)" + db_ +
                      R"("]}}, "limit": 0}]})",
                  "dualsync");
    MongoTest::TearDown();
  }

  std::unique_ptr<BackupState> state_;
  std::unique_ptr<BackupState> other_;
};

TEST_F(BackupStateTest, NobodyHasItAtFirst) {
  const auto lease = state_->read_lease();
  ASSERT_TRUE(is_ok(lease));
  EXPECT_FALSE(lease->has_value());
  const auto identity = state_->read_identity();
  ASSERT_TRUE(is_ok(identity));
  EXPECT_FALSE(identity->has_value());
}

TEST_F(BackupStateTest, OfTwoThatTakeItOneWins) {
  const auto first = state_->replace_lease(std::nullopt, record(1, 0, "a"));
  ASSERT_TRUE(is_ok(first));
  EXPECT_TRUE(*first);
  const auto second = other_->replace_lease(std::nullopt, record(1, 0, "b"));
  ASSERT_TRUE(is_ok(second));
  EXPECT_FALSE(*second);
  const auto stored = other_->read_lease();
  ASSERT_TRUE(is_ok(stored));
  EXPECT_EQ(**stored, record(1, 0, "a"));
}

TEST_F(BackupStateTest, ARenewalNeedsTheRecordThatWasRead) {
  ASSERT_TRUE(*state_->replace_lease(std::nullopt, record(1, 0, "a")));
  EXPECT_TRUE(*state_->replace_lease(record(1, 0, "a"), record(1, 1, "a")));
  EXPECT_FALSE(*state_->replace_lease(record(1, 0, "a"), record(1, 1, "a"))) << "it comes late";
  EXPECT_TRUE(*other_->replace_lease(record(1, 1, "a"), record(2, 0, "b")));
  EXPECT_FALSE(*state_->replace_lease(record(1, 1, "a"), record(1, 2, "a"))) << "it was taken over";
  EXPECT_EQ(**state_->read_lease(), record(2, 0, "b"));
}

TEST_F(BackupStateTest, AnotherDatabaseHasALeaseOfItsOwn) {
  ASSERT_TRUE(*state_->replace_lease(std::nullopt, record(1, 0, "a")));
  const auto other_site = backup_->make_backup_state(db_ + "_b");
  EXPECT_FALSE(other_site->read_lease()->has_value());
}

// The id is of the whole backup, and on a given server an earlier run may have left one.
TEST_F(BackupStateTest, TheBackupGetsOneIdThatStays) {
  ASSERT_TRUE(is_ok(state_->give_backup_id("first")));
  const auto id = other_->read_backup_id();
  ASSERT_TRUE(is_ok(id));
  EXPECT_FALSE(id->empty());
  ASSERT_TRUE(is_ok(other_->give_backup_id("second")));
  EXPECT_EQ(*state_->read_backup_id(), *id);
  EXPECT_EQ(*backup_->make_backup_state(db_ + "_b")->read_backup_id(), *id) << "whatever is mirrored there";
}

TEST_F(BackupStateTest, KeepsTheIdentityOfLocal) {
  const LocalIdentity identity{"rs0", "65a000000000000000000001", "3f2c", 17};
  ASSERT_TRUE(is_ok(state_->write_identity(identity)));
  EXPECT_EQ(**other_->read_identity(), identity);
  LocalIdentity later = identity;
  later.mark = 18;
  ASSERT_TRUE(is_ok(other_->write_identity(later)));
  EXPECT_EQ(**state_->read_identity(), later);
}

TEST_F(MongoTest, AClosedGateLetsNoWriteOfDocumentsOrSchemaThrough) {
  struct Closed final : WriteGate {
    Result<void> may_write() const override { return Error{ErrorKind::kConnectivity, "not ours", "", 0}; }
  } const closed;
  WriterOptions options;
  options.gate = &closed;
  const auto writer = backup_->make_writer(options);
  const std::string document = bson_of(R"({"_id": 1})");
  const std::vector<WriteItem> items = {{WriteItem::Kind::kReplace, document, document}};
  EXPECT_EQ(kind_of(writer->write(ns("things"), items)), ErrorKind::kConnectivity);
  EXPECT_EQ(kind_of(backup_->make_schema_writer(&closed)->create_collection(ns("others"), bson_of("{}"))),
            ErrorKind::kConnectivity);
  const auto left = backup_->make_reader()->list_collections(db_);
  ASSERT_TRUE(is_ok(left));
  EXPECT_TRUE(left->empty());
}

TEST_F(MongoTest, TheProbeNamesLocalAndItsMarkerOnlyGrows) {
  const auto probe = local_->make_local_probe();
  const auto instance = probe->instance();
  ASSERT_TRUE(is_ok(instance));
  EXPECT_EQ(*instance, *local_->make_local_probe()->instance());
  const auto first = probe->raise_marker("an id");
  ASSERT_TRUE(is_ok(first));
  EXPECT_FALSE(first->marker.empty());
  const auto second = probe->raise_marker("another id");
  ASSERT_TRUE(is_ok(second));
  EXPECT_EQ(second->marker, first->marker) << "made once";
  EXPECT_EQ(second->mark, first->mark + 1);
  const auto found = probe->identify();
  ASSERT_TRUE(is_ok(found));
  EXPECT_TRUE(found->marker_known);
  EXPECT_EQ(found->identity.marker, second->marker);
  EXPECT_GE(found->identity.mark, second->mark);
  EXPECT_FALSE(found->identity.set_name.empty());
  EXPECT_FALSE(found->newest.is_null());
}

}  // namespace
}  // namespace dualsync::test
