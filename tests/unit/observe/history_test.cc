#include "dualsync/observe/history.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "dualsync/base/log.h"

namespace dualsync {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

class HistoryTest : public ::testing::Test {
 protected:
  HistoryTest() : folder_(std::filesystem::temp_directory_path() / ("dualsync-history-" + std::to_string(::getpid()))) {
    log::configure(log::Level::kOff, log::Format::kJson);
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~HistoryTest() override { std::filesystem::remove_all(folder_); }

  // A look a second, `seconds` long.
  void pass(History* history, Status* status, std::int64_t* now_ms, int seconds) const {
    for (int i = 0; i <= seconds; ++i) {
      history->look(*status, *now_ms);
      if (i < seconds) {
        *now_ms += 1000;
        status->total_operations += 2;
      }
    }
  }

  const std::filesystem::path folder_;
};

TEST_F(HistoryTest, TellsOfEachMinuteAndSurvivesARestart) {
  std::int64_t now = kNow;
  Status status;
  {
    History history(folder_.string(), now);
    pass(&history, &status, &now, 120);
    status.verdict = Verdict::kDegraded;
    status.reasons = {{"breaker-open", "", ""}};
    status.rpo_seconds = 90;
    status.dead_letters = 3;
    pass(&history, &status, &now, 60);
    const DayReport report = history.report(status, now);
    EXPECT_EQ(report.seconds[0] + report.seconds[1], 180U);
    EXPECT_NEAR(static_cast<double>(report.seconds[1]), 60, 2);
    EXPECT_EQ(report.captured, 360U);
    EXPECT_EQ(report.worst_rpo_seconds, 90);
    EXPECT_EQ(report.dead_letters, 3U);
    EXPECT_EQ(report.reasons.at("breaker-open"), 1U);
    EXPECT_EQ(report.starts, 1U);
  }
  struct stat info {};
  ASSERT_EQ(::stat((folder_ / "history").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  std::ofstream(folder_ / "history", std::ios::app) << "{\"until\": 17\nnonsense\n";
  now += 600'000;  // ten minutes without a daemon
  Status fresh;
  History again(folder_.string(), now);
  EXPECT_EQ(again.report(fresh, now).captured, 360U);
  pass(&again, &fresh, &now, 60);
  const DayReport report = again.report(fresh, now);
  EXPECT_EQ(report.captured, 480U);
  EXPECT_EQ(report.starts, 2U);
  EXPECT_NEAR(static_cast<double>(report.silent_seconds), 600, 2);
}

TEST_F(HistoryTest, KeepsADayAndABoundedFile) {
  std::int64_t now = kNow;
  Status status;
  History history(folder_.string(), now);
  for (int minute = 0; minute < 3200; ++minute) {
    history.look(status, now);
    now += 60'000;
    status.total_operations += 1;
  }
  EXPECT_NEAR(static_cast<double>(history.report(status, now).captured), 1440, 3);
  EXPECT_LT(std::filesystem::file_size(folder_ / "history"), 1'000'000U);
  EXPECT_EQ(history.report(status, now + 2 * kDayMs).from_ms, 0) << "what is older than a day is left out";
}

TEST_F(HistoryTest, GoesOnWithoutAFile) {
  std::int64_t now = kNow;
  Status status;
  History history((folder_ / "missing").string(), now);
  pass(&history, &status, &now, 60);
  EXPECT_EQ(history.report(status, now).captured, 120U);
}

TEST(DayReport, SaysInWordsWhatTheNumbersSay) {
  Status now;
  EXPECT_EQ(day_report({}, now, kNow).words.size(), 1U);
  MinuteSample quiet;
  quiet.until_ms = kNow;
  quiet.started_ms = kNow - 60'000;
  quiet.seconds = {60, 0, 0};
  quiet.captured = quiet.synced = 1;
  const DayReport fine = day_report({quiet}, now, kNow);
  EXPECT_EQ(fine.words[0], "The mirror was healthy for all of the last 1 min 0 s.");
  EXPECT_EQ(fine.words[2], "At no time would a disaster have lost more than a second of writes.");
  MinuteSample bad = quiet;
  bad.until_ms = kNow - 60'000;
  bad.seconds = {30, 20, 10};
  bad.reasons = {"breaker-open"};
  bad.rpo_seconds = 30;
  bad.dead_letters = 1;
  now.dead_letters = 1;
  const DayReport report = day_report({bad, quiet}, now, kNow);
  std::string all;
  for (const std::string& sentence : report.words) all += sentence + "\n";
  EXPECT_NE(all.find("degraded for 20 s, unhealthy for 10 s"), std::string::npos) << all;
  EXPECT_NE(all.find("breaker-open (1 min 0 s)"), std::string::npos) << all;
  EXPECT_NE(all.find("a disaster would have lost 30 s of writes"), std::string::npos) << all;
  EXPECT_NE(all.find("1 operation was refused by the backup for good; 1 is open now."), std::string::npos) << all;
}

}  // namespace
}  // namespace dualsync
