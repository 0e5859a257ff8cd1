#include "dualsync/pipeline/copy_pages.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "support/bson_literal.h"
#include "support/fake_store.h"
#include "support/names.h"

namespace dualsync {
namespace {

using test::id_key;

constexpr int kPage = 2000;

std::string key_of(int id) { return id_key(std::to_string(id)); }

// Each over a server of its own, so that readers of several threads share nothing.
class OwnReader final : public test::FakeReader {
 public:
  explicit OwnReader(const test::Documents& documents) : FakeReader(own_) { own_.data[kBills] = documents; }

 private:
  test::FakeServer own_;
};

class CopyPagesTest : public ::testing::Test {
 protected:
  void fill(int count) {
    for (int id = 0; id < count; ++id) documents_[key_of(id)] = key_of(id);
  }
  // Ranges that end before each of `ends`, and one of what is left.
  CopyProgress ranges(const std::vector<int>& ends) const {
    CopyProgress progress;
    std::string previous;
    for (const int end : ends) {
      progress.ranges.push_back({{previous, key_of(end)}, "", false});
      previous = key_of(end);
    }
    progress.ranges.push_back({{previous, ""}, "", false});
    return progress;
  }
  CopyPages pages(const CopyProgress& progress, std::size_t open_max = 2) {
    return CopyPages([this] { return make_reader(); }, kBills, progress, open_max);
  }
  std::unique_ptr<DocumentReader> make_reader() {
    ++readers_;
    return std::make_unique<OwnReader>(documents_);
  }
  static bool read(CopyPages& pages, CopyPage* page) {
    const auto got = pages.read(page, {});
    EXPECT_TRUE(got.ok());
    return got.ok() && *got;
  }

  test::Documents documents_;
  std::atomic<int> readers_{0};
};

TEST_F(CopyPagesTest, EachDocumentIsInOnePage) {
  fill(2 * kPage + 10);
  CopyPages all = pages(ranges({kPage + 5}));
  std::set<std::string> seen;
  CopyPage page;
  std::vector<std::size_t> sizes;
  while (read(all, &page)) {
    sizes.push_back(page.size());
    for (std::size_t i = 0; i < page.size(); ++i) EXPECT_TRUE(seen.insert(std::string(page.document(i))).second);
    all.done(page);
  }
  EXPECT_EQ(seen.size(), documents_.size());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{kPage, 5, kPage, 5}));
  EXPECT_TRUE(all.progress().done());
  EXPECT_EQ(all.progress().ranges[0].last, key_of(kPage + 4));
  EXPECT_EQ(all.progress().ranges[1].last, key_of(2 * kPage + 9));
}

TEST_F(CopyPagesTest, NothingBehindAMissingPageCounts) {
  fill(3 * kPage);
  CopyPages all = pages(ranges({}));
  CopyPage first;
  CopyPage second;
  CopyPage third;
  ASSERT_TRUE(read(all, &first) && read(all, &second) && read(all, &third));
  all.done(third);
  all.done(second);
  EXPECT_EQ(all.progress().ranges[0].last, "");
  all.done(first);
  EXPECT_EQ(all.progress().ranges[0].last, key_of(3 * kPage - 1));
  EXPECT_FALSE(all.progress().done()) << "nobody has seen the end";
  EXPECT_FALSE(read(all, &first));
  EXPECT_TRUE(all.progress().done());
}

TEST_F(CopyPagesTest, ARangeWhoseLastPageIsUnderWayIsNotDone) {
  fill(10);
  CopyPages all = pages(ranges({}));
  CopyPage page;
  ASSERT_TRUE(read(all, &page));
  CopyPage other;
  EXPECT_FALSE(read(all, &other));
  EXPECT_FALSE(all.progress().done());
  all.done(page);
  EXPECT_TRUE(all.progress().done());
}

TEST_F(CopyPagesTest, GoesOnAtTheLastThatIsDone) {
  fill(3 * kPage);
  CopyProgress before = ranges({kPage});
  before.ranges[0].done = true;
  before.ranges[1].last = key_of(2 * kPage);
  CopyPages all = pages(before);
  CopyPage page;
  ASSERT_TRUE(read(all, &page));
  EXPECT_EQ(page.document(0), key_of(2 * kPage)) << "copied twice, as the bound is inclusive";
  EXPECT_EQ(page.size(), static_cast<std::size_t>(kPage));
  all.done(page);
  EXPECT_FALSE(read(all, &page));
  EXPECT_TRUE(all.progress().done());
}

TEST_F(CopyPagesTest, NoSecondRangeIsOpenedWhileTheFirstCanBeRead) {
  fill(2 * kPage);
  CopyPages all = pages(ranges({kPage}));
  CopyPage page;
  ASSERT_TRUE(read(all, &page));
  EXPECT_EQ(readers_, 1);
  ASSERT_TRUE(read(all, &page));
  EXPECT_EQ(readers_, 2);
  EXPECT_EQ(page.document(0), key_of(kPage));
}

TEST_F(CopyPagesTest, SaysWhenTheProgressIsWorthSaving) {
  fill(20 * kPage);
  CopyPages all = pages(ranges({}));
  CopyPage page;
  std::vector<int> saves;
  for (int i = 1; read(all, &page); ++i) {
    if (all.done(page)) saves.push_back(i);
  }
  EXPECT_EQ(saves, (std::vector<int>{8, 16}));
}

TEST_F(CopyPagesTest, NobodyReadsAfterGivingUp) {
  fill(3 * kPage);
  CopyPages all = pages(ranges({}));
  CopyPage page;
  ASSERT_TRUE(read(all, &page));
  all.give_up();
  CopyPage other;
  EXPECT_FALSE(read(all, &other));
  all.done(page);
  EXPECT_EQ(all.progress().ranges[0].last, key_of(kPage - 1)) << "what is under way still counts";
}

TEST_F(CopyPagesTest, AReaderThatFailsEndsItForAll) {
  test::FakeServer gone;
  gone.down = true;
  CopyPages all([&gone] { return std::make_unique<test::FakeReader>(gone); }, kBills, ranges({}), 2);
  CopyPage page;
  const auto failed = all.read(&page, {});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind, ErrorKind::kConnectivity);
  EXPECT_FALSE(read(all, &page));
  EXPECT_FALSE(all.progress().done());
}

TEST_F(CopyPagesTest, SeveralThreadsShareTheWork) {
  constexpr int kThreads = 4;
  fill(30 * kPage);
  CopyPages all = pages(ranges({7 * kPage + 3, 12 * kPage, 20 * kPage - 1}));
  std::atomic<std::size_t> documents{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&all, &documents] {
        CopyPage page;
        while (read(all, &page)) {
          documents += page.size();
          all.done(page);
        }
      });
    }
  }
  EXPECT_EQ(documents, documents_.size());
  EXPECT_TRUE(all.progress().done());
}

}  // namespace
}  // namespace dualsync
