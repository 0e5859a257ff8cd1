#include "dualsync/service/data_dir.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/scratch_dir.h"

namespace dualsync {
namespace {

const Error kFull{ErrorKind::kIo, "No space left on device", "", 28};

class DirectoryWatchTest : public ::testing::Test {
 protected:
  DirectoryWatchTest() {
    settings_.data_dir = dir_.text() + "/data";
    settings_.data_dir_fallback = dir_.text() + "/spare";
  }

  static SteadyTime at(int seconds) { return SteadyTime() + std::chrono::hours(1) + std::chrono::seconds(seconds); }

  test::ScratchDir dir_;
  Settings settings_;
};

TEST_F(DirectoryWatchTest, TroubleThatStaysGivesItUp) {
  DirectoryWatch watch(settings_);
  for (int second = 0; second < 30; ++second) EXPECT_FALSE(watch.given_up(kFull, at(second))) << second;
  const auto reason = watch.given_up(kFull, at(30));
  ASSERT_TRUE(reason);
  EXPECT_NE(reason->find(settings_.data_dir), std::string::npos) << *reason;
  EXPECT_NE(reason->find(kFull.message), std::string::npos) << *reason;
  EXPECT_TRUE(std::filesystem::exists(settings_.data_dir_fallback));
}

TEST_F(DirectoryWatchTest, AShortBreakDoesNotCountAndALongOneDoes) {
  DirectoryWatch shortly(settings_);
  EXPECT_FALSE(shortly.given_up(kFull, at(0)));
  EXPECT_FALSE(shortly.given_up(std::nullopt, at(5)));
  EXPECT_TRUE(shortly.given_up(kFull, at(31)));
  DirectoryWatch calm(settings_);
  EXPECT_FALSE(calm.given_up(kFull, at(0)));
  EXPECT_FALSE(calm.given_up(std::nullopt, at(11)));
  EXPECT_FALSE(calm.given_up(kFull, at(31)));
}

TEST_F(DirectoryWatchTest, WithoutAnotherUsableDirectoryItStays) {
  settings_.data_dir_fallback = "/proc/spare";  // where nobody can make a directory, root included
  DirectoryWatch unusable(settings_);
  EXPECT_FALSE(unusable.given_up(kFull, at(0)));
  EXPECT_FALSE(unusable.given_up(kFull, at(40)));
  for (const std::string& other : {std::string(), settings_.data_dir}) {
    settings_.data_dir_fallback = other;
    DirectoryWatch watch(settings_);
    EXPECT_FALSE(watch.given_up(kFull, at(0)));
    EXPECT_FALSE(watch.given_up(kFull, at(40)));
  }
}

}  // namespace
}  // namespace dualsync
