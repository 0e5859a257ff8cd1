#include "dualsync/model/drill_name.h"

#include <gtest/gtest.h>

#include "dualsync/model/scope.h"

namespace dualsync {
namespace {

constexpr const char* kOwner = "00c0ffee";

TEST(DrillName, FitsEveryTierAndIsKnownAgain) {
  const std::string first = drill_database(kOwner, 0);
  const std::string last = drill_database(kOwner, kDrillDatabasesMax - 1);
  EXPECT_EQ(first, "__dualsync_drill_00c0ffee_0");
  EXPECT_LE(last.size(), kDatabaseNameBytesMax);
  for (const std::string& name : {first, last}) {
    EXPECT_TRUE(is_drill_database(name));
    EXPECT_TRUE(is_drill_database_of(kOwner, name));
    EXPECT_FALSE(is_drill_database_of("00c0ffef", name));
  }
}

TEST(DrillName, NoOtherDatabaseIsTakenForOne) {
  for (const char* name : {"shop", "dualsync", "__dualsync", "drill", "x__dualsync_drill_00c0ffee_0",
                           "__dualsync_drill_00c0ffee", "__dualsync_drill_00c0ffeee_0", ""})
    EXPECT_FALSE(is_drill_database_of(kOwner, name)) << name;
  // Without an owner, nothing is anybody's.
  EXPECT_FALSE(is_drill_database_of("", "__dualsync_drill__0"));
  EXPECT_FALSE(is_drill_owner("00C0FFEE"));
  EXPECT_FALSE(is_drill_owner("c0ffee"));
}

TEST(DrillName, NeverInAnyScope) {
  const std::string name = drill_database(kOwner, 3);
  EXPECT_FALSE(Scope({}).contains(name, "bills"));
  EXPECT_FALSE(Scope({}).contains_database(name));
  EXPECT_FALSE(Scope({"", "", {"*", name + ".*"}, {}, {}}).contains(name, "bills"));
  EXPECT_FALSE(Scope({name, "", {}, {}, {}}).contains(name, "bills"));
  EXPECT_FALSE(Scope({}).contains(name, ""));  // a drop of the whole database
}

TEST(DrillName, ACollectionKeepsItsNameWhereThatFits) {
  const std::string scratch = drill_database(kOwner, 0);
  EXPECT_EQ(drill_collection(scratch, "shop", "bills", 7), "bills");
  const std::string fitting(95 - scratch.size() - 1, 'n');
  EXPECT_EQ(drill_collection(scratch, "s", fitting, 7), fitting);
  EXPECT_EQ(drill_collection(scratch, "s", fitting + "n", 7), "__long_name_7");
  // A name that long is taken by the server it comes from.
  EXPECT_EQ(drill_collection(scratch, std::string(scratch.size(), 'd'), std::string(200, 'n'), 7).size(), 200U);
}

}  // namespace
}  // namespace dualsync
