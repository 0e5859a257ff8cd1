// A batch in strict order: nothing behind the first operation that is not through.
#include <gtest/gtest.h>

#include "dualsync/pipeline/batch.h"
#include "support/names.h"
#include "support/pipeline_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::id_key;
using test::make_op;
using Kind = Completion::Kind;

class BatchStrictTest : public test::PipelineFixture {
 protected:
  void SetUp() override {
    options_.strict = true;
    pipeline_.strict = true;
    pipeline_.retries_max = 2;
    PipelineFixture::SetUp();
  }

  static std::vector<Operation> inserts(int count) {
    std::vector<Operation> ops;
    for (int id = 1; id <= count; ++id)
      ops.push_back(make_op(OpKind::kInsert, std::to_string(id), document(std::to_string(id), id)));
    return ops;
  }

  std::vector<Kind> run(const std::vector<Operation>& ops) {
    append(ops);
    PipelineContext context = this->context();
    const auto taken = take();
    test::FakeReader local(local_);
    test::FakeWriter writer(backup_);
    Batch batch(context, {local, writer}, backoff_, taken);
    const auto completions = batch.run();
    failed_ = batch.backup_failure().has_value();
    std::vector<Kind> kinds;
    for (const Completion& completion : completions) kinds.push_back(completion.kind);
    EXPECT_TRUE(queue_->complete(completions).ok());
    return kinds;
  }

  Backoff backoff_{1};
  bool failed_ = false;
};

TEST_F(BatchStrictTest, WhatIsBehindARefusedOperationIsPutBackUntried) {
  backup_.refused.insert(document("2", 2));
  EXPECT_EQ(run(inserts(4)), (std::vector<Kind>{Kind::kDone, Kind::kRetry, Kind::kPutBack, Kind::kPutBack}));
  EXPECT_EQ(backup_.documents(kBills).size(), 1U);
  EXPECT_EQ(queue_->stats().operations, 3U);
}

TEST_F(BatchStrictTest, AnUnreachableBackupUsesUpNoRetry) {
  backup_.down = true;
  EXPECT_EQ(run(inserts(2)), (std::vector<Kind>{Kind::kPutBack, Kind::kPutBack}));
  EXPECT_TRUE(failed_);
}

// The answer to an earlier command got lost: some of its documents are there.
TEST_F(BatchStrictTest, WhatALostCommandInsertedCountsAsDone) {
  for (const char* id : {"1", "2", "4"}) backup_.put(kBills, document(id, std::stoi(id)));
  EXPECT_EQ(run(inserts(5)),
            (std::vector<Kind>{Kind::kDone, Kind::kDone, Kind::kPutBack, Kind::kDone, Kind::kPutBack}));
  EXPECT_EQ(backup_.documents(kBills).size(), 3U) << "nothing was written out of order";
  EXPECT_EQ(run({}), (std::vector<Kind>{Kind::kDone, Kind::kDone}));
  EXPECT_EQ(backup_.documents(kBills).size(), 5U);
  EXPECT_EQ(counters_.conflicts, 0U);
}

TEST_F(BatchStrictTest, ADeltaThatFitsNothingIsHealedBeforeAnythingElseGoes) {
  local_.put(kBills, document("1", 9));
  const std::string change = test::bson(R"({"updatedFields":{"v":9},"removedFields":[]})");
  EXPECT_EQ(run({make_op(OpKind::kDelta, "1", change), make_op(OpKind::kDelete, "2")}), std::vector<Kind>{Kind::kDone});
  EXPECT_EQ(backup_.get(kBills, id_key("1")), document("1", 9));
  EXPECT_EQ(run({}), std::vector<Kind>{Kind::kDone});
}

TEST_F(BatchStrictTest, TouchesOfDifferentDocumentsAreReadTogether) {
  local_.put(kBills, document("1", 1));
  backup_.put(kBills, document("2", 2));
  EXPECT_EQ(run({make_op(OpKind::kTouch, "1"), make_op(OpKind::kTouch, "2")}),
            (std::vector<Kind>{Kind::kDone, Kind::kDone}));
  EXPECT_EQ(backup_.get(kBills, id_key("1")), document("1", 1));
  EXPECT_FALSE(backup_.get(kBills, id_key("2")).has_value());
}

}  // namespace
}  // namespace dualsync
