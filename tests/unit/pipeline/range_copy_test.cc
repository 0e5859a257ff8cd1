#include "dualsync/pipeline/range_copy.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "support/names.h"
#include "support/pipeline_fixture.h"

namespace dualsync {
namespace {

using test::document;

// One write at a time, and the first page gets no answer until another one has been written.
class SlowToAnswer final : public BackupSide {
 public:
  explicit SlowToAnswer(test::FakeServer& server) : server_(server) {}
  std::unique_ptr<DocumentReader> make_reader() override { return std::make_unique<test::FakeReader>(server_); }
  std::unique_ptr<SchemaWriter> make_schema_writer() override { return nullptr; }
  std::unique_ptr<BackupWriter> make_writer() override { return std::make_unique<Writer>(*this); }
  int pages() const { return pages_; }

 private:
  class Writer final : public BackupWriter {
   public:
    explicit Writer(SlowToAnswer& side) : side_(side), writer_(side.server_) {}
    Result<std::vector<WriteOutcome>> write(const Namespace& ns, std::span<const WriteItem> items) override {
      std::unique_lock lock(side_.mutex_);
      if (items.front().document_key == id_key_of(document("0", 0))) {
        side_.written_.wait(lock, [this] { return side_.pages_ > 0; });
        unanswered_ = true;
        return test::unreachable();
      }
      ++side_.pages_;
      side_.written_.notify_all();
      auto written = writer_.write(ns, items);
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));  // so that the other one has failed by the next page
      return written;
    }
    Result<std::vector<WriteOutcome>> write_atomically(const Namespace&, std::span<const WriteItem>) override {
      return test::unreachable();
    }
    Result<std::vector<std::string>> find_equal(const Namespace&, std::string_view) override {
      return test::unreachable();
    }
    bool settled() const override { return !unanswered_; }
    Result<void> settle() override { return {}; }
    std::uint64_t bytes_sent() const override { return 0; }
    DocumentReader& reader() override { return writer_.reader(); }

   private:
    SlowToAnswer& side_;
    test::FakeWriter writer_;
    bool unanswered_ = false;
  };

  test::FakeServer& server_;
  std::mutex mutex_;
  std::condition_variable written_;
  int pages_ = 0;
};

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

TEST_F(RangeCopyTest, WhatIsBehindAnUnansweredPageIsSentAgain) {
  for (int id = 50; id < 9000; ++id) local_.put(kBills, document(std::to_string(id), id));
  SlowToAnswer slow(backup_);
  const PipelineContext usual = this->context();
  PipelineContext context{usual.options, scope_, local_side_, slow, *queue_, breaker_, counters_, system_clock()};
  ASSERT_EQ(context.options.copy_threads, 2U);
  RangeCopy copy(context, range(), progress_, done_);
  ASSERT_FALSE(copy.run({}).ok());
  EXPECT_EQ(copy.take_unsettled().size(), 1U);
  EXPECT_GT(backup_.data[kBills].size(), 0U);
  const auto dirty = queue_->dirty_ranges();
  ASSERT_EQ(dirty.size(), 1U);
  const auto saved = CopyProgress::decode(dirty[0].progress);
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved->ranges[0].last, "");
  EXPECT_FALSE(saved->done());
  PipelineContext again = this->context();
  RangeCopy rest(again, range(), *saved, done_);
  ASSERT_TRUE(rest.run({}).ok());
  EXPECT_EQ(backup_.data, local_.data);
  EXPECT_EQ(done_, 9000U);
}

TEST_F(RangeCopyTest, WhatOneThreadCannotDoEndsTheWorkOfAll) {
  constexpr int kPages = 20;
  for (int id = 50; id < kPages * 2000; ++id) local_.put(kBills, document(std::to_string(id), id));
  SlowToAnswer slow(backup_);
  const PipelineContext usual = this->context();
  PipelineContext context{usual.options, scope_, local_side_, slow, *queue_, breaker_, counters_, system_clock()};
  RangeCopy copy(context, range(), progress_, done_);
  ASSERT_FALSE(copy.run({}).ok());
  EXPECT_LT(slow.pages(), kPages - 1);
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
