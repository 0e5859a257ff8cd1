#include <gtest/gtest.h>

#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_ddl;
using test::make_op;

class QueueDdlTest : public test::QueueFixture {
 protected:
  void SetUp() override { open(); }

  std::optional<TakenDdl> take_ddl() {
    auto taken = queue_->take_ddl(std::chrono::milliseconds(0), {});
    EXPECT_TRUE(taken.ok());
    return taken.ok() ? *taken : std::nullopt;
  }
};

TEST_F(QueueDdlTest, ADdlChangeStandsBetweenWhatCameBeforeAndAfter) {
  append({make_op(OpKind::kInsert, "1", document("1", 1)), make_ddl("drop", {"shop", "bills"}, {11, 1}),
          make_op(OpKind::kInsert, "1", document("1", 2), {12, 1})});
  EXPECT_EQ(queue_->stats().operations, 3U) << "no merge across it";
  EXPECT_FALSE(take_ddl()) << "what came before is not done";
  const auto before = take();
  ASSERT_EQ(before.size(), 1U);
  EXPECT_EQ(before[0].op.payload, document("1", 1));
  EXPECT_TRUE(take().empty()) << "what came after waits";
  EXPECT_FALSE(take_ddl()) << "in flight is not done";
  complete(before);
  const auto ddl = take_ddl();
  ASSERT_TRUE(ddl);
  EXPECT_EQ(ddl->event.type, DdlEvent::Type::kDrop);
  EXPECT_TRUE(take().empty());
  ASSERT_TRUE(queue_->complete_ddl(ddl->seq, {}, {}).ok());
  const auto after = take();
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(after[0].op.payload, document("1", 2));
}

TEST_F(QueueDdlTest, OtherNamespacesDoNotWait) {
  append({make_op(OpKind::kInsert, "1", document("1", 1)), make_ddl("drop", {"shop", "bills"}, {11, 1}),
          make_op(OpKind::kInsert, "1", document("1", 1), {12, 1}, {"shop", "other"})});
  EXPECT_EQ(take().size(), 2U);
}

TEST_F(QueueDdlTest, ARenameConcernsBothNamesAndADropDatabaseAllOfThem) {
  const std::string to = R"(,"to":{"db":"shop","coll":"new"})";
  append({make_ddl("rename", {"shop", "bills"}, {11, 1}, to),
          make_op(OpKind::kInsert, "1", document("1", 1), {12, 1}, {"shop", "new"})});
  EXPECT_TRUE(take().empty());
  auto ddl = take_ddl();
  ASSERT_TRUE(ddl);
  ASSERT_TRUE(queue_->complete_ddl(ddl->seq, {}, {}).ok());
  complete(take());
  append({make_ddl("dropDatabase", {"shop", ""}, {13, 1}),
          make_op(OpKind::kInsert, "1", document("1", 1), {14, 1}, {"shop", "x"})});
  EXPECT_TRUE(take().empty());
  EXPECT_TRUE(take_ddl());
}

TEST_F(QueueDdlTest, DdlChangesRunOneAtATimeInOrderAlsoAfterAReopen) {
  append({make_ddl("create", {"shop", "a"}, {11, 1}), make_ddl("create", {"shop", "b"}, {12, 1})});
  auto first = take_ddl();
  ASSERT_TRUE(first);
  EXPECT_FALSE(take_ddl());
  open();
  EXPECT_TRUE(take().empty());
  first = take_ddl();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->event.ns.collection, "a");
  ASSERT_TRUE(queue_->complete_ddl(first->seq, {}, {}).ok());
  const auto second = take_ddl();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->event.ns.collection, "b");
}

TEST_F(QueueDdlTest, ARemovalThatWaitsIsSeenByTouchesBeforeIt) {
  append({make_op(OpKind::kTouch, "1"),
          make_ddl("rename", {"shop", "bills"}, {11, 1}, R"(,"to":{"db":"shop","coll":"new"})")});
  const auto taken = take();
  ASSERT_EQ(taken.size(), 1U);
  const auto removal = queue_->removal_ahead({"shop", "bills"}, taken[0].seq);
  ASSERT_TRUE(removal);
  EXPECT_EQ(removal->to, (Namespace{"shop", "new"}));
  EXPECT_FALSE(queue_->removal_ahead({"shop", "other"}, taken[0].seq));
  // It moves behind the change, to the new name, and stays as old as it was.
  Completion move;
  move.seq = taken[0].seq;
  move.kind = Completion::Kind::kMove;
  move.to = removal->to;
  ASSERT_TRUE(queue_->complete({move}).ok());
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 0}));
  const auto ddl = take_ddl();
  ASSERT_TRUE(ddl);
  ASSERT_TRUE(queue_->complete_ddl(ddl->seq, {}, {}).ok());
  const auto moved = take();
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].op.kind, OpKind::kTouch);
  EXPECT_EQ(moved[0].op.ns(), (Namespace{"shop", "new"}));
}

TEST_F(QueueDdlTest, ADdlChangeOfAHeldNamespaceWaitsForItsRelease) {
  queue_->hold({"shop", "bills"});
  append({make_op(OpKind::kInsert, "1", document("1", 1)), make_ddl("drop", {"shop", "bills"}, {11, 1})});
  EXPECT_TRUE(take().empty());
  EXPECT_FALSE(take_ddl());
  queue_->release({"shop", "bills"});
  complete(take());
  EXPECT_TRUE(take_ddl());
}

TEST_F(QueueDdlTest, ARefusedDdlChangeBecomesADeadLetterAndMarksItsNamespaces) {
  append({make_ddl("create", {"shop", "a"}, {11, 1})});
  const auto ddl = take_ddl();
  ASSERT_TRUE(ddl);
  ASSERT_TRUE(queue_
                  ->dead_letter_ddl(ddl->seq, {ErrorKind::kRefused, "no", "", 1},
                                    {{{"shop", "a"}, "refused", {10, 1}, false, ""}})
                  .ok());
  EXPECT_EQ(queue_->stats().dead_letters, 1U);
  EXPECT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_EQ(queue_->stats().operations, 0U);
}

}  // namespace
}  // namespace dualsync
