#include "dualsync/doctor/checks.h"

#include <gtest/gtest.h>

namespace dualsync::doctor {
namespace {

using State = CheckOutcome::State;

ServerFacts server(int major, int minor) {
  ServerFacts facts;
  facts.version = std::to_string(major) + "." + std::to_string(minor) + ".0";
  facts.major = major;
  facts.minor = minor;
  facts.set_name = "rs0";
  return facts;
}

TEST(Doctor, JudgesVersions) {
  EXPECT_EQ(check_version(Side::kLocal, server(4, 2)).state, State::kFailed);
  EXPECT_EQ(check_version(Side::kLocal, server(4, 4)).state, State::kWarning);
  EXPECT_EQ(check_version(Side::kBackup, server(4, 4)).state, State::kOk);
  EXPECT_EQ(check_version(Side::kLocal, server(8, 2)).state, State::kOk);
  EXPECT_EQ(check_version(Side::kLocal, server(9, 0)).state, State::kWarning);
  EXPECT_EQ(check_version(Side::kBackup, server(8, 0)).name, "backup-version");
}

TEST(Doctor, TellsHowToConvertAStandalone) {
  EXPECT_EQ(check_replica_set(server(7, 0), "db:27017").state, State::kOk);
  ServerFacts standalone = server(7, 0);
  standalone.set_name.clear();
  const CheckOutcome outcome = check_replica_set(standalone, "db:27017");
  EXPECT_EQ(outcome.state, State::kFailed);
  EXPECT_NE(outcome.hint.find("rs.initiate()"), std::string::npos);
  standalone.is_mongos = true;
  EXPECT_EQ(check_replica_set(standalone, "db:27017").state, State::kOk);
}

TEST(Doctor, WeighsTheOplogAgainstTheLag) {
  EXPECT_EQ(check_oplog(86'400, std::nullopt).state, State::kOk);
  EXPECT_EQ(check_oplog(86'400, 100.0).state, State::kOk);
  EXPECT_EQ(check_oplog(600, std::nullopt).state, State::kWarning);
  EXPECT_EQ(check_oplog(86'400, 50'000.0).state, State::kFailed);
  EXPECT_EQ(check_oplog(Error{ErrorKind::kDenied, "not authorized", "", 13}, 1.0).state, State::kWarning);
}

TEST(Doctor, ComparesClocks) {
  EXPECT_EQ(check_clock(Side::kLocal, 1'000'000, 1'004'000).state, State::kOk);
  const CheckOutcome behind = check_clock(Side::kBackup, 1'000'000, 1'009'500);
  EXPECT_EQ(behind.state, State::kWarning);
  EXPECT_EQ(behind.message, "its clock is 9.5 s behind of this machine's");
  EXPECT_EQ(check_clock(Side::kBackup, Error{ErrorKind::kUnsupported, "no", "", 0}, 1).state, State::kSkipped);
}

TEST(Doctor, LooksAtTheDataDirectory) {
  DirectoryFacts facts{"/var/lib/dualsync", true, "", 0700, 100};
  EXPECT_EQ(check_data_dir(facts).state, State::kOk);
  facts.mode = 0755;
  EXPECT_EQ(check_data_dir(facts).state, State::kWarning);
  facts.trouble = "Permission denied";
  EXPECT_EQ(check_data_dir(facts).state, State::kFailed);
  EXPECT_EQ(check_disk(facts, 101).state, State::kFailed);
  EXPECT_EQ(check_disk(facts, 51).state, State::kWarning);
  EXPECT_EQ(check_disk(facts, 50).state, State::kOk);
}

TEST(Doctor, MeasuresLocalAgainstTheTier) {
  TierFacts facts;
  facts.local = {600ULL << 20U, 20};
  EXPECT_EQ(check_tier(facts).state, State::kOk) << "not Atlas";
  facts.atlas = true;
  EXPECT_EQ(check_tier(facts).state, State::kWarning);
  facts.shared_tier = true;
  EXPECT_EQ(check_tier(facts).state, State::kWarning) << "Flex takes it";
  facts.local.bytes = 6ULL << 30U;
  EXPECT_EQ(check_tier(facts).state, State::kFailed);
  facts.local = {1, 501};
  EXPECT_EQ(check_tier(facts).state, State::kFailed);
  facts.local = {1, 1};
  EXPECT_EQ(check_tier(facts).state, State::kOk);
  facts.long_names = {std::string(40, 'd')};
  EXPECT_EQ(check_tier(facts).state, State::kFailed);
}

TEST(Doctor, KnowsItsOwnLease) {
  LeaseRecord record;
  EXPECT_EQ(check_lease(std::optional<LeaseRecord>(), "shop", "/data").state, State::kOk);
  EXPECT_EQ(check_lease(std::optional(record), "shop", "/data").state, State::kOk) << "given up";
  record.holder.installation = "i";
  record.holder.host = "shop";
  record.holder.data_dir = "/data";
  EXPECT_EQ(check_lease(std::optional(record), "shop", "/data").state, State::kOk);
  EXPECT_EQ(check_lease(std::optional(record), "shop", "/other").state, State::kWarning);
}

TEST(Doctor, KnowsTheRightLocal) {
  LocalIdentity known;
  known.marker = "m";
  known.mark = 5;
  FoundLocal found;
  found.identity = known;
  EXPECT_EQ(check_identity(std::optional(known), found).state, State::kOk);
  EXPECT_EQ(check_identity(std::optional<LocalIdentity>(), found).state, State::kOk);
  found.identity.mark = 3;
  EXPECT_EQ(check_identity(std::optional(known), found).state, State::kFailed);
}

TEST(Doctor, PassesTheDaemonsVerdictOn) {
  DaemonFacts facts;
  facts.address = "127.0.0.1:8787";
  EXPECT_EQ(check_daemon(facts).state, State::kWarning);
  facts.answers = true;
  facts.verdict = "healthy";
  EXPECT_EQ(check_daemon(facts).state, State::kOk);
  facts.verdict = "degraded";
  facts.reasons = {"two dead letters"};
  EXPECT_EQ(check_daemon(facts).message, "degraded at 127.0.0.1:8787: two dead letters");
  facts.verdict = "unhealthy";
  EXPECT_EQ(check_daemon(facts).state, State::kFailed);
}

TEST(Doctor, SaysWhatIsOddAboutSettings) {
  Settings settings;
  EXPECT_EQ(check_settings(settings).state, State::kWarning) << "switched off";
  settings.enabled = true;
  EXPECT_EQ(check_settings(settings).state, State::kOk);
  settings.warnings = {".env line 3: SYNC_LANE is not a setting of dualsync"};
  EXPECT_EQ(check_settings(settings).state, State::kWarning);
}

}  // namespace
}  // namespace dualsync::doctor
