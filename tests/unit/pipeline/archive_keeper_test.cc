#include "dualsync/pipeline/archive_keeper.h"

#include "support/pipeline_fixture.h"

namespace dualsync {
namespace {

using test::document;

const Namespace kDropped{"shop", "bills__dropped_20260101T000000Z_1"};
const Namespace kNew{"shop", "goods__dropped_20260101T000000Z_1"};
const Namespace kUser{"shop", "bills__dropped_yesterday"};

class ArchiveKeeperTest : public test::PipelineFixture {
 protected:
  void SetUp() override {
    pipeline_.drop_retention = std::chrono::seconds(100);
    PipelineFixture::SetUp();
    for (const Namespace& ns : {kDropped, kUser}) backup_.put(ns, document("1", 1));
    backup_.time = {1000, 1};
  }
  void look() {
    PipelineContext context = this->context();
    const auto looked = ArchiveKeeper(context).look();  // as after a restart
    ASSERT_TRUE(looked.ok()) << looked.error().message;
  }
  bool there(const Namespace& ns) const { return backup_.data.contains(ns); }
};

TEST_F(ArchiveKeeperTest, AgeCountsFromWhenAnArchiveWasFirstSeen) {
  look();
  EXPECT_TRUE(there(kDropped)) << "what its name says is no reason: the drop may have reached the backup just now";
  backup_.time = {1060, 1};
  backup_.put(kNew, document("1", 1));
  look();
  backup_.time = {1099, 9};
  look();
  EXPECT_TRUE(there(kDropped));
  backup_.time = {1100, 1};
  look();
  EXPECT_FALSE(there(kDropped));
  EXPECT_TRUE(there(kNew));
  backup_.time = {1160, 1};
  look();
  EXPECT_FALSE(there(kNew));
  EXPECT_TRUE(there(kUser)) << "not a name of ours";
}

TEST_F(ArchiveKeeperTest, AnArchiveThatWentByItselfIsForgotten) {
  look();
  backup_.data.erase(kDropped);
  look();
  backup_.time = {2000, 1};
  backup_.put(kDropped, document("1", 1));
  look();
  EXPECT_TRUE(there(kDropped));
}

TEST_F(ArchiveKeeperTest, WithoutRetentionNothingGoes) {
  pipeline_.drop_retention = {};
  look();
  backup_.time = {4'000'000'000, 1};
  look();
  EXPECT_TRUE(there(kDropped));
}

TEST_F(ArchiveKeeperTest, NothingGoesWithoutTheLease) {
  struct Closed final : WriteGate {
    Result<void> may_write() const override { return Error{ErrorKind::kConnectivity, "not ours", "", 0}; }
  } const closed;
  look();
  backup_.time = {2000, 1};
  PipelineContext context = this->context();
  context.gate = &closed;
  ASSERT_TRUE(ArchiveKeeper(context).tend().ok());
  EXPECT_TRUE(there(kDropped));
  context.gate = nullptr;
  ASSERT_TRUE(ArchiveKeeper(context).tend().ok());
  EXPECT_FALSE(there(kDropped));
}

}  // namespace
}  // namespace dualsync
