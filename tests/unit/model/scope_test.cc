#include "dualsync/model/scope.h"

#include <gtest/gtest.h>

namespace dualsync {
namespace {

TEST(Scope, MongoDBsOwnAndOurOwnAreNeverInIt) {
  const Scope scope({});
  for (const char* db : {"admin", "local", "config", "dualsync"}) EXPECT_FALSE(scope.contains(db, "x")) << db;
  EXPECT_FALSE(scope.contains("shop", "system.views"));
  EXPECT_FALSE(scope.contains("shop", "__dualsync"));
  EXPECT_FALSE(scope.contains("shop", "tmp.agg_out.6a1"));
  EXPECT_TRUE(scope.contains("shop", "bills"));
}

TEST(Scope, OneDatabaseKeepsOthersOut) {
  const Scope scope({"shop", "", {}, {}, {}});
  EXPECT_TRUE(scope.contains("shop", "bills"));
  EXPECT_FALSE(scope.contains("other", "bills"));
}

TEST(Scope, ExcludedWinsOverIncluded) {
  const Scope scope({"", "", {"shop.*", "orders"}, {"*_tmp", "shop.log"}, {}});
  EXPECT_TRUE(scope.contains("shop", "bills"));
  EXPECT_TRUE(scope.contains("other", "orders"));
  EXPECT_FALSE(scope.contains("other", "bills"));
  EXPECT_FALSE(scope.contains("shop", "a_tmp"));
  EXPECT_FALSE(scope.contains("shop", "log"));
  EXPECT_TRUE(scope.contains("shop", "log.old"));
}

TEST(Scope, ANameWithDotsCanBeMeantByItself) {
  const Scope scope({"shop", "", {}, {"fs.chunks"}, {}});
  EXPECT_FALSE(scope.contains("shop", "fs.chunks"));
  EXPECT_TRUE(scope.contains("shop", "fs.files"));
}

TEST(Scope, NamesOnTheBackupAndBack) {
  const Scope one({"shop", "branch7", {}, {}, {}});
  EXPECT_EQ(one.backup_database("shop"), "branch7");
  EXPECT_EQ(one.local_database("branch7"), "shop");
  const Scope many({"", "", {}, {}, {{"shop", "branch7_shop"}}});
  EXPECT_EQ(many.to_backup({"shop", "a"}), (Namespace{"branch7_shop", "a"}));
  EXPECT_EQ(many.to_backup({"other", "a"}), (Namespace{"other", "a"}));
  EXPECT_EQ(many.local_database("branch7_shop"), "shop");
}

TEST(Scope, TwoDatabasesNeverMeetInOneOfTheBackup) {
  ScopeOptions options;
  options.database_map = {{"a", "b"}, {"c", "a"}};
  const Scope scope(options);
  EXPECT_TRUE(scope.contains_database("a")) << "it has a name of its own there";
  EXPECT_TRUE(scope.contains_database("c"));
  EXPECT_TRUE(scope.collides("b"));
  EXPECT_FALSE(scope.contains_database("b"));
  options.local_db = "b";
  EXPECT_FALSE(Scope(options).collides("b")) << "alone in scope";
}

TEST(Scope, GlobsMatchWholeNames) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("a*c", "abbbc"));
  EXPECT_TRUE(glob_matches("a*b*c", "a_b_b_c"));
  EXPECT_FALSE(glob_matches("a*c", "abcd"));
  EXPECT_FALSE(glob_matches("bills", "billsx"));
}

TEST(Namespace, ParsesAtTheFirstDotAndOverlapsByDatabase) {
  EXPECT_EQ(Namespace::parse("shop.fs.files"), (Namespace{"shop", "fs.files"}));
  EXPECT_TRUE((Namespace{"shop", ""}.overlaps({"shop", "a"})));
  EXPECT_FALSE((Namespace{"shop", "b"}.overlaps({"shop", "a"})));
  EXPECT_FALSE((Namespace{"shop", ""}.overlaps({"other", "a"})));
}

}  // namespace
}  // namespace dualsync
