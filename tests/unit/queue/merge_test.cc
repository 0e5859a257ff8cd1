#include "dualsync/queue/merge.h"

#include <gtest/gtest.h>

#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using test::bson;
using test::document;
using test::make_op;

std::string delta(const char* updated) {
  return bson(std::string(R"({"updatedFields":)") + updated + R"(,"removedFields":[]})");
}

struct Row {
  OpKind pending;
  OpKind newer;
  OpKind becomes;
};

std::string payload_of(OpKind kind, const char* path) {
  if (kind == OpKind::kInsert || kind == OpKind::kReplace) return document("1", path[0]);
  if (kind == OpKind::kDelta) return delta((std::string("{\"") + path + "\":1}").c_str());
  return "";
}

TEST(Merge, TheWholeTable) {
  using enum OpKind;
  const Row rows[] = {
      {kInsert, kInsert, kInsert},    {kInsert, kReplace, kInsert},  {kInsert, kDelta, kTouch},
      {kInsert, kDelete, kDelete},    {kInsert, kTouch, kTouch},     {kReplace, kInsert, kReplace},
      {kReplace, kReplace, kReplace}, {kReplace, kDelta, kTouch},    {kReplace, kDelete, kDelete},
      {kReplace, kTouch, kTouch},     {kDelta, kInsert, kReplace},   {kDelta, kReplace, kReplace},
      {kDelta, kDelta, kDelta},       {kDelta, kDelete, kDelete},    {kDelta, kTouch, kTouch},
      {kDelete, kInsert, kReplace},   {kDelete, kReplace, kReplace}, {kDelete, kDelta, kTouch},
      {kDelete, kDelete, kDelete},    {kDelete, kTouch, kTouch},     {kTouch, kInsert, kTouch},
      {kTouch, kReplace, kTouch},     {kTouch, kDelta, kTouch},      {kTouch, kDelete, kDelete},
      {kTouch, kTouch, kTouch},
  };
  for (const Row& row : rows) {
    const Operation pending = make_op(row.pending, "1", payload_of(row.pending, "a"), {1, 1});
    const Operation newer = make_op(row.newer, "1", payload_of(row.newer, "b"), {2, 1});
    std::string storage;
    const OperationView merged = merge_operations(pending.view(), newer.view(), &storage);
    const auto name = std::string(to_string(row.pending)) + " + " + std::string(to_string(row.newer));
    EXPECT_EQ(merged.kind, row.becomes) << name;
    if (merged.whole()) {
      EXPECT_EQ(merged.payload, newer.payload) << name;
    }
    if (merged.kind == kTouch || merged.kind == kDelete) {
      EXPECT_TRUE(merged.payload.empty()) << name;
    }
    EXPECT_EQ(merged.first_time, (OpTime{1, 1})) << name;
    EXPECT_EQ(merged.last_time, (OpTime{2, 1})) << name;
  }
}

TEST(Merge, DeltasOfRelatedPathsBecomeATouch) {
  std::string storage;
  const Operation a = make_op(OpKind::kDelta, "1", delta(R"({"a":{"b":1}})"));
  const Operation ab = make_op(OpKind::kDelta, "1", delta(R"({"a.b":2})"));
  EXPECT_EQ(merge_operations(a.view(), ab.view(), &storage).kind, OpKind::kTouch);
}

TEST(Merge, AnIdOfOtherBytesIsRememberedForGood) {
  std::string storage;
  const Operation remove = make_op(OpKind::kDelete, R"({"$numberInt":"1"})");
  const Operation insert = make_op(OpKind::kInsert, R"({"$numberLong":"1"})", document(R"({"$numberLong":"1"})", 5));
  OperationView merged = merge_operations(remove.view(), insert.view(), &storage);
  EXPECT_EQ(merged.kind, OpKind::kReplace);
  EXPECT_TRUE(merged.flags & kFlagRekey);
  const Operation again = make_op(OpKind::kDelete, R"({"$numberLong":"1"})");
  merged = merge_operations(merged, again.view(), &storage);
  EXPECT_TRUE(merged.flags & kFlagRekey) << "the backup may still hold the int";
}

TEST(Merge, NewContentStartsWithFreshTries) {
  std::string storage;
  const Operation pending = make_op(OpKind::kReplace, "1", document("1", 1));
  OperationView refused = pending.view();
  refused.attempts = 4;
  const Operation replace = make_op(OpKind::kReplace, "1", document("1", 2));
  const Operation touch = make_op(OpKind::kTouch, "1");
  EXPECT_EQ(merge_operations(refused, replace.view(), &storage).attempts, 0U);
  EXPECT_EQ(merge_operations(refused, touch.view(), &storage).attempts, 4U);
}

}  // namespace
}  // namespace dualsync
