// What is set aside stays visible until the backup has the document, however that comes about.
#include "support/names.h"
#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_ddl;
using test::make_op;
using Kind = Completion::Kind;

class DeadLetterTest : public test::QueueFixture {
 protected:
  void SetUp() override { open(); }

  // Document 1 becomes a dead letter.
  void refuse_one() {
    append({make_op(OpKind::kReplace, "1", document("1", 1))});
    refuse(take());
    ASSERT_EQ(letters().size(), 1U);
  }
  void refuse(const std::vector<TakenOperation>& taken) {
    std::vector<Completion> completions;
    for (const TakenOperation& one : taken) {
      Completion dead;
      dead.seq = one.seq;
      dead.kind = Kind::kDeadLetter;
      dead.error = {ErrorKind::kRefused, "refused", "", 121};
      completions.push_back(dead);
    }
    ASSERT_TRUE(queue_->complete(completions).ok());
  }
  std::vector<DeadLetter> letters() {
    auto found = queue_->dead_letters(100);
    EXPECT_TRUE(found.ok());
    EXPECT_EQ(found->size(), queue_->stats().dead_letters);
    return *found;
  }
  void finish_ddl() {
    auto ddl = queue_->take_ddl(std::chrono::milliseconds(0), {});
    ASSERT_TRUE(ddl.ok() && *ddl);
    ASSERT_TRUE(queue_->complete_ddl((*ddl)->seq, {}, {}).ok());
  }
  static std::string delta(int value) {
    return test::bson(R"({"updatedFields":{"v":)" + std::to_string(value) + R"(},"removedFields":[]})");
  }
};

TEST_F(DeadLetterTest, ALaterWriteThatGetsThroughResolvesIt) {
  refuse_one();
  append({make_op(OpKind::kReplace, "1", document("1", 2))});
  EXPECT_EQ(letters().size(), 1U) << "not before it got through";
  complete(take());
  EXPECT_TRUE(letters().empty());
}

TEST_F(DeadLetterTest, ItsAttemptsCountTheOneThatBroughtItHere) {
  refuse_one();
  EXPECT_EQ(letters().front().attempts, 1U);
}

TEST_F(DeadLetterTest, ADeltaOnTopOfAChangeThatIsMissingIsATouch) {
  refuse_one();
  open();  // also after a restart
  append({make_op(OpKind::kDelta, "1", delta(2)), make_op(OpKind::kDelta, "2", delta(2))});
  const auto taken = take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].op.kind, OpKind::kTouch);
  EXPECT_TRUE(taken[0].op.payload.empty());
  EXPECT_EQ(taken[1].op.kind, OpKind::kDelta);
  complete(taken);
  EXPECT_TRUE(letters().empty());
}

TEST_F(DeadLetterTest, ANewerChangeThatWaitsIsTriedTogetherWithWhatWasRefused) {
  append({make_op(OpKind::kReplace, "1", document("1", 1))});
  const auto taken = take();
  append({make_op(OpKind::kDelta, "1", delta(2))});
  refuse(taken);
  EXPECT_TRUE(letters().empty());
  const auto again = take();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].op.kind, OpKind::kTouch);
}

TEST_F(DeadLetterTest, ADocumentHasOneAtMost) {
  refuse_one();
  append({make_op(OpKind::kReplace, "1", document("1", 2))});
  refuse(take());
  EXPECT_EQ(letters().size(), 1U);
}

TEST_F(DeadLetterTest, ARetryReadsAgainAndTheLetterGoesWhenThatGotThrough) {
  refuse_one();
  const SeqNo id = letters()[0].seq;
  ASSERT_TRUE(queue_->retry_dead_letter(id).ok());
  EXPECT_EQ(letters().size(), 1U);
  const auto taken = take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].op.kind, OpKind::kTouch);
  EXPECT_EQ(taken[0].op.document_key, test::id_key("1"));
  complete(taken);
  EXPECT_TRUE(letters().empty());
  EXPECT_EQ(queue_->retry_dead_letter(id).error().kind, ErrorKind::kNotFound);
}

TEST_F(DeadLetterTest, ADiscardedOneIsForgottenForGood) {
  refuse_one();
  const SeqNo id = letters()[0].seq;
  ASSERT_TRUE(queue_->discard_dead_letter(id).ok());
  EXPECT_EQ(queue_->discard_dead_letter(id).error().kind, ErrorKind::kNotFound);
  open();
  EXPECT_TRUE(letters().empty());
  append({make_op(OpKind::kDelta, "1", delta(2))});
  EXPECT_EQ(take().at(0).op.kind, OpKind::kDelta);
}

TEST_F(DeadLetterTest, ARenameTakesItAlong) {
  refuse_one();
  append({make_ddl("rename", kBills, {11, 1}, R"(,"to":{"db":"shop","coll":"paid"})")});
  finish_ddl();
  ASSERT_EQ(letters().size(), 1U);
  EXPECT_EQ(letters()[0].ns, (Namespace{"shop", "paid"}));
  EXPECT_EQ(letters()[0].code, 121);
  open();
  append({make_op(OpKind::kReplace, "1", document("1", 2), {12, 1}, {"shop", "paid"})});
  complete(take());
  EXPECT_TRUE(letters().empty());
}

TEST_F(DeadLetterTest, ADropEndsIt) {
  refuse_one();
  append({make_ddl("drop", kBills, {11, 1})});
  finish_ddl();
  EXPECT_TRUE(letters().empty());
}

TEST_F(DeadLetterTest, ARefusedSchemaChangeIsRetriedByARepair) {
  append({make_ddl("create", kBills, {11, 1})});
  auto ddl = queue_->take_ddl(std::chrono::milliseconds(0), {});
  ASSERT_TRUE(ddl.ok() && *ddl);
  ASSERT_TRUE(queue_->dead_letter_ddl((*ddl)->seq, {ErrorKind::kRefused, "no", "", 1}, {}).ok());
  ASSERT_EQ(letters().size(), 1U);
  ASSERT_TRUE(queue_->retry_dead_letter(letters()[0].seq).ok());
  EXPECT_TRUE(letters().empty());
  ASSERT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_EQ(queue_->dirty_ranges()[0].ns, kBills);
}

TEST_F(DeadLetterTest, ARefusedSchemaChangeOfARepairIsALetterOfItsOwn) {
  const Error refused{ErrorKind::kRefused, "not here", "", 67};
  const Operation create = make_ddl("create", kBills, {10, 1});
  append({make_op(OpKind::kReplace, "1", document("1", 1))});
  ASSERT_TRUE(queue_->set_schema_aside(create.view(), refused).ok());
  ASSERT_TRUE(queue_->set_schema_aside(create.view(), {ErrorKind::kRefused, "still not", "", 67}).ok());
  ASSERT_EQ(letters().size(), 1U) << "the newest of its sort takes the place of the older";
  EXPECT_EQ(letters().front().reason, "still not");
  EXPECT_EQ(letters().front().change, "create");
  ASSERT_TRUE(queue_->set_schema_aside(make_ddl("modify", kBills, {10, 1}).view(), refused).ok());
  EXPECT_EQ(letters().size(), 2U);
  // What comes before and after it in the queue goes on, also after a restart.
  append({make_op(OpKind::kReplace, "2", document("2", 1))});
  open();
  EXPECT_EQ(take().size(), 2U);
  EXPECT_EQ(letters().size(), 2U);
}

TEST_F(DeadLetterTest, LettersOfASchemaGoWhenItIsRepairedOrDropped) {
  const Error refused{ErrorKind::kRefused, "not here", "", 67};
  refuse_one();
  ASSERT_TRUE(queue_->set_schema_aside(make_ddl("create", kBills, {10, 1}).view(), refused).ok());
  ASSERT_TRUE(queue_->set_schema_aside(make_ddl("create", kItems, {10, 1}).view(), refused).ok());
  ASSERT_TRUE(queue_->forget_schema_letters(kBills).ok());
  ASSERT_EQ(letters().size(), 2U) << "the document's and the other collection's";
  append({make_ddl("drop", kItems, {11, 1})});
  finish_ddl();
  ASSERT_EQ(letters().size(), 1U);
  EXPECT_NE(letters().front().kind, OpKind::kDdl);
}

}  // namespace
}  // namespace dualsync
