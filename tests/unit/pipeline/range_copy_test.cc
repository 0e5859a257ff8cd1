#include "dualsync/pipeline/range_copy.h"

#include "support/names.h"
#include "support/pipeline_fixture.h"

namespace dualsync {
namespace {

using test::document;

class RangeCopyTest : public test::PipelineFixture {
 protected:
  void SetUp() override {
    PipelineFixture::SetUp();
    for (int id = 0; id < 50; ++id) local_.put(kBills, document(std::to_string(id), id));
    progress_.ranges.resize(1);
  }
  DirtyRange range() const { return {kBills, "first copy", {5, 1}, true, ""}; }

  CopyProgress progress_;
  std::atomic<std::uint64_t> done_{0};
};

TEST_F(RangeCopyTest, CopiesWhatIsThere) {
  PipelineContext context = this->context();
  RangeCopy copy(context, range(), progress_, done_);
  ASSERT_TRUE(copy.run({}).ok());
  EXPECT_EQ(backup_.data, local_.data);
  EXPECT_EQ(done_, 50U);
  EXPECT_TRUE(copy.take_unsettled().empty());
}

TEST_F(RangeCopyTest, APageWithoutAnAnswerLeavesAWriterToSettle) {
  PipelineContext context = this->context();
  RangeCopy copy(context, range(), progress_, done_);
  backup_.down = true;
  ASSERT_FALSE(copy.run({}).ok());
  const auto unsettled = copy.take_unsettled();
  ASSERT_EQ(unsettled.size(), 1U);
  EXPECT_FALSE(unsettled[0]->settle().ok());
  backup_.down = false;
  EXPECT_TRUE(unsettled[0]->settle().ok());
  EXPECT_EQ(backup_.log, std::vector<std::string>{"settle"});
}

TEST_F(RangeCopyTest, SendsNothingWhileApplyingIsPaused) {
  PipelineContext context = this->context();
  Pause pause(*queue_, system_clock());
  context.pause = &pause;
  ASSERT_TRUE(pause.begin().ok());
  RangeCopy copy(context, range(), progress_, done_);
  const auto ended = copy.run({});
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().kind, ErrorKind::kStopped);
  EXPECT_TRUE(backup_.data.empty());
  ASSERT_TRUE(pause.end().ok());
  RangeCopy again(context, range(), progress_, done_);
  ASSERT_TRUE(again.run({}).ok());
  EXPECT_EQ(backup_.data, local_.data);
}

}  // namespace
}  // namespace dualsync
