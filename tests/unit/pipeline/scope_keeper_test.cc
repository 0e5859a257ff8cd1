#include "dualsync/pipeline/scope_keeper.h"

#include <gtest/gtest.h>

#include "dualsync/base/log.h"
#include "support/queue_fixture.h"

namespace dualsync {
namespace {

ScopeOptions everything_of_shop() {
  ScopeOptions options;
  options.local_db = "shop";
  return options;
}

class ScopeKeeperTest : public test::QueueFixture {
 protected:
  void SetUp() override {
    log::configure(log::Level::kOff, log::Format::kJson);
    open();
  }
  void start_with(const ScopeOptions& options) {
    const Scope scope(options);
    ASSERT_TRUE(ScopeKeeper(*queue_, scope).mark_new().ok());
  }
};

TEST(ScopeCodec, ComesBackAsItWas) {
  ScopeOptions options{"shop", "shop_berlin", {"bills", "shop.o*"}, {"*.tmp"}, {{"a", "b"}, {"c", "d"}}};
  const auto back = decode_scope(encode_scope(options));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(encode_scope(*back), encode_scope(options));
  EXPECT_EQ(back->included, options.included);
  EXPECT_EQ(back->database_map, options.database_map);
  EXPECT_FALSE(decode_scope("").has_value());
  EXPECT_FALSE(decode_scope("progress of something else").has_value());
}

TEST_F(ScopeKeeperTest, TheSameScopeMarksNothing) {
  start_with(everything_of_shop());
  start_with(everything_of_shop());
  EXPECT_TRUE(queue_->dirty_ranges().empty());
}

TEST_F(ScopeKeeperTest, WhatAChangeBringsInIsDirtyAndNothingElse) {
  ScopeOptions before = everything_of_shop();
  before.included = {"bills"};
  before.excluded = {"logs"};
  start_with(before);
  ScopeOptions after = everything_of_shop();
  after.excluded = {"secrets"};
  start_with(after);
  const auto dirty = queue_->dirty_ranges();
  ASSERT_EQ(dirty.size(), 1U);
  EXPECT_EQ(dirty[0].ns, (Namespace{"shop", ""}));
  EXPECT_FALSE(dirty[0].first_copy);
  const Scope now(after);
  const ScopeChange change(dirty[0].progress);
  EXPECT_FALSE(change.concerns(now, {"shop", "bills"}));
  EXPECT_TRUE(change.concerns(now, {"shop", "logs"}));
  EXPECT_TRUE(change.concerns(now, {"shop", "orders"}));
  start_with(after);
  EXPECT_EQ(queue_->dirty_ranges().size(), 1U);
}

TEST_F(ScopeKeeperTest, ANameOfItsOwnOnTheBackupIsNew) {
  start_with(everything_of_shop());
  ScopeOptions after = everything_of_shop();
  after.backup_db = "shop_berlin";
  start_with(after);
  const auto dirty = queue_->dirty_ranges();
  ASSERT_EQ(dirty.size(), 1U);
  EXPECT_TRUE(ScopeChange(dirty[0].progress).concerns(Scope(after), {"shop", "bills"}));
}

// The first change was not taken apart yet: what the second one leaves alone may be new all the same.
TEST_F(ScopeKeeperTest, TwoChangesInARowCompareEverything) {
  ScopeOptions scope = everything_of_shop();
  scope.included = {"bills"};
  start_with(scope);
  scope.included = {"bills", "orders"};
  start_with(scope);
  scope.included = {"bills", "orders", "logs"};
  start_with(scope);
  const auto dirty = queue_->dirty_ranges();
  ASSERT_EQ(dirty.size(), 1U);
  const ScopeChange change(dirty[0].progress);
  for (const char* name : {"bills", "orders", "logs"})
    EXPECT_TRUE(change.concerns(Scope(scope), {"shop", name})) << name;
}

// If the process ends between the two writes, the next start sees the change again.
TEST_F(ScopeKeeperTest, TheDirtyRangeIsStoredFirst) {
  start_with(everything_of_shop());
  ScopeOptions after = everything_of_shop();
  after.excluded = {"logs"};
  const Scope scope(after);
  ASSERT_TRUE(ScopeKeeper(*queue_, scope).mark_new().ok());
  EXPECT_EQ(*queue_->get_state(kStateScope), encode_scope(after));
  EXPECT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_TRUE(queue_->applied_position().is_null()) << "until it is known what is new, nothing more is claimed";
}

}  // namespace
}  // namespace dualsync
