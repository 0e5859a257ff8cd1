#include "dualsync/cli/root.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "dualsync/api/api_server.h"
#include "dualsync/api/api_token.h"
#include "dualsync/base/version.h"
#include "dualsync/cli/exit_codes.h"
#include "support/fake_control.h"
#include "support/scratch_dir.h"

namespace dualsync {
namespace {

using Json = nlohmann::json;

class Cli : public ::testing::Test {
 protected:
  Cli() {
    environment_ = {{"SYNC_DATA_DIR", dir_.text()}, {"SYNC_HTTP_LISTEN", "127.0.0.1:0"}};
    hooks_.out = &out_;
    hooks_.err = &err_;
    hooks_.env_file = dir_.path() / ".env";
    hooks_.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      return found == environment_.end() ? std::nullopt : std::optional<std::string>(found->second);
    };
    hooks_.run = [this](const Settings& settings, const std::function<Result<Settings>()>&) {
      seen_ = settings;
      return kExitOk;
    };
    hooks_.verify = [this](const Settings& settings, const VerifyRequest& request,
                           const VerifyProgress& progress) -> Result<VerifyReport> {
      seen_ = settings;
      request_ = request;
      progress({true, 1, 0, 10, 5, "shop.orders"});
      return report_;
    };
    hooks_.drill = [this](const Settings& settings, const DrillRequest& request, const VerifyProgress&) {
      seen_ = settings;
      drill_request_ = request;
      return drilled_;
    };
    hooks_.restore = [this](const Settings&, const RestoreRequest& request, const VerifyProgress&) {
      restore_request_ = request;
      return restored_;
    };
  }

  int run(std::initializer_list<const char*> arguments) {
    out_.str("");
    err_.str("");
    std::vector<const char*> all = {"dualsync"};
    for (const char* argument : arguments) all.push_back(argument);
    return run_cli(static_cast<int>(all.size()), all.data(), hooks_);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  void start_daemon() {
    Settings settings;
    settings.data_dir = dir_.text();
    server_ = std::make_unique<ApiServer>(control_, ApiOptions{"127.0.0.1", 0, *load_or_create_api_token(settings)});
    const Result<int> port = server_->start();
    ASSERT_TRUE(port.ok());
    ASSERT_TRUE(write_api_address(dir_.text(), {"127.0.0.1", static_cast<std::uint16_t>(*port)}).ok());
  }

  test::ScratchDir dir_;
  std::map<std::string, std::string> environment_;
  std::ostringstream out_;
  std::ostringstream err_;
  CliHooks hooks_;
  Settings seen_;
  VerifyRequest request_;
  Result<VerifyReport> report_ = VerifyReport{};
  DrillRequest drill_request_;
  Result<DrillReport> drilled_ = DrillReport{};
  RestoreRequest restore_request_;
  Result<RestoreReport> restored_ = RestoreReport{};
  test::FakeControl control_;
  std::unique_ptr<ApiServer> server_;
};

TEST_F(Cli, PrintsHelpWithoutACommandAndExits2) {
  EXPECT_EQ(run({}), kExitUsage);
  EXPECT_NE(err().find("verify"), std::string::npos);
  EXPECT_EQ(err().find("internal"), std::string::npos);
  EXPECT_EQ(run({"--help"}), kExitOk);
  EXPECT_NE(out().find("status"), std::string::npos);
  EXPECT_EQ(run({"run", "--help"}), kExitOk);
  EXPECT_NE(out().find("--lanes"), std::string::npos);
  EXPECT_EQ(run({"status", "--help"}), kExitOk);
  EXPECT_EQ(out().find("--lanes"), std::string::npos);
  EXPECT_NE(out().find("--data-dir"), std::string::npos);
}

TEST_F(Cli, PrintsItsVersion) {
  EXPECT_EQ(run({"--version"}), kExitOk);
  EXPECT_EQ(out(), "dualsync " + std::string(kVersion) + "\n");
  EXPECT_EQ(run({"version"}), kExitOk);
  EXPECT_EQ(out(), "dualsync " + std::string(kVersion) + "\n");
  EXPECT_EQ(run({"version", "--json"}), kExitOk);
  EXPECT_EQ(Json::parse(out()).at("version"), std::string(kVersion));
}

TEST_F(Cli, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(run({"dance"}), kExitUsage);
  EXPECT_TRUE(err().starts_with("dualsync: ")) << err();
  EXPECT_NE(err().find("hint: "), std::string::npos);
  EXPECT_EQ(run({"run", "--lane", "3"}), kExitUsage);
  EXPECT_EQ(run({"run", "--lanes"}), kExitUsage);
  EXPECT_EQ(run({"wait", "--timeout", "-1"}), kExitUsage);
  EXPECT_EQ(run({"status", "--watch", "--json"}), kExitUsage);
  EXPECT_EQ(run({"run", "extra"}), kExitUsage);
}

TEST_F(Cli, RunsWithFlagsBeforeEnvironment) {
  environment_["SYNC_LANES"] = "3";
  EXPECT_EQ(run({"run", "--lanes", "9", "--connect-timeout=500ms"}), kExitOk) << err();
  EXPECT_EQ(seen_.lanes, 9U);
  EXPECT_EQ(seen_.connect_timeout, std::chrono::milliseconds(500));
}

TEST_F(Cli, ReadsTheSettingsAgainFromWhereTheyCameFrom) {
  hooks_.run = [this](const Settings&, const std::function<Result<Settings>()>& again) {
    std::ofstream(hooks_.env_file) << "SYNC_LANES=7\nSYNC_LOG_LEVEL=debug\n";
    seen_ = *again();
    std::ofstream(hooks_.env_file) << "SYNC_LOG_LEVEL=loud\n";
    return again() ? kExitFailed : kExitOk;
  };
  EXPECT_EQ(run({"run", "--lanes", "9"}), kExitOk) << "bad settings are refused";
  EXPECT_EQ(seen_.lanes, 9U) << "a flag stays before the file";
  EXPECT_EQ(seen_.log_level, log::Level::kDebug);
}

TEST_F(Cli, RunNeedsTheBackupOnlyWhenEnabled) {
  EXPECT_EQ(run({"run"}), kExitOk);
  EXPECT_EQ(run({"run", "--enabled", "true"}), kExitUsage);
  EXPECT_NE(err().find("MONGODB_ATLAS_URI is not set"), std::string::npos);
}

TEST_F(Cli, NamesABadSetting) {
  EXPECT_EQ(run({"run", "--lanes", "900"}), kExitUsage);
  EXPECT_EQ(err(),
            "dualsync: SYNC_LANES is \"900\" (from flag --lanes): it is out of bounds\nhint: allowed: a whole number "
            "from 1 to 64\n");
  EXPECT_EQ(run({"verify", "--json", "--lanes", "900"}), kExitUsage);
  EXPECT_EQ(Json::parse(out()).at("error").at("code"), "invalid_argument");
}

TEST_F(Cli, NeverPrintsAPassword) {
  for (const char* uri : {"mongodb://bob:hunter22@host/x y", "http://bob:hunter22@host", "hunter22"}) {
    run({"verify", "--atlas-uri", uri});
    EXPECT_EQ((out() + err()).find("hunter22"), std::string::npos) << out() << err();
  }
  run({"verify", "shop", "mongodb://bob:hunter22@host/shop", "--nonsense=mongodb://bob:hunter22@host/shop"});
  EXPECT_EQ((out() + err()).find("hunter22"), std::string::npos) << out() << err();
}

TEST_F(Cli, NamesAnUnexpectedFlagButNotWhatMayBeItsSecret) {
  run({"run", "--api-token", "hunter"});
  EXPECT_TRUE(err().starts_with("dualsync: nothing takes these arguments: --api-token ***\n")) << err();
  run({"run", "--api-token=hunter"});
  EXPECT_TRUE(err().starts_with("dualsync: nothing takes these arguments: --api-token***\n")) << err();
  run({"run", "-phunter"});
  EXPECT_TRUE(err().starts_with("dualsync: nothing takes these arguments: -p***\n")) << err();
  run({"--password", "two", "hunter", "run"});
  EXPECT_EQ(err().find("hunter"), std::string::npos) << err();
  run({"run", "--local-uri", "mongodb://bob:a", "hunter@host"});
  EXPECT_TRUE(err().starts_with("dualsync: nothing takes these arguments: ***\n")) << err();
  run({"statsu"});
  EXPECT_TRUE(err().starts_with("dualsync: nothing takes these arguments: statsu\n")) << err();
}

TEST_F(Cli, ShowsStatus) {
  EXPECT_EQ(run({"status"}), kExitNoDaemon);
  EXPECT_NE(err().find("dualsync run"), std::string::npos);
  start_daemon();
  Status status;
  status.enabled = true;
  control_.set_status(status);
  EXPECT_EQ(run({"status"}), kExitOk) << err();
  EXPECT_TRUE(out().starts_with("HEALTHY  RPO 0 s")) << out();
  EXPECT_EQ(run({"status", "--json"}), kExitOk);
  EXPECT_EQ(Json::parse(out()).at("status"), "healthy");
  status.verdict = Verdict::kUnhealthy;
  control_.set_status(status);
  EXPECT_EQ(run({"status"}), kExitFailed);
  environment_["SYNC_API_TOKEN"] = "something-else";
  EXPECT_EQ(run({"status", "--json"}), kExitUsage);
  EXPECT_EQ(Json::parse(out()).at("error").at("code"), "denied");
}

TEST_F(Cli, ColoursOnlyOnATerminalWithoutNoColor) {
  start_daemon();
  run({"status"});
  EXPECT_EQ(out().find('\x1b'), std::string::npos);
  hooks_.out_is_terminal = true;
  run({"status"});
  EXPECT_NE(out().find('\x1b'), std::string::npos);
  environment_["NO_COLOR"] = "1";
  run({"status"});
  EXPECT_EQ(out().find('\x1b'), std::string::npos);
}

TEST_F(Cli, WatchesThroughARestartOfTheDaemon) {
  int pictures = 0;
  hooks_.pause = [&](std::chrono::milliseconds) {
    if (++pictures == 1) start_daemon();
    return pictures < 3;
  };
  EXPECT_EQ(run({"status", "--watch"}), kExitOk);
  EXPECT_NE(err().find("no daemon answers"), std::string::npos);
  EXPECT_NE(out().find("OFF  "), std::string::npos);
}

TEST_F(Cli, Waits) {
  EXPECT_EQ(run({"wait"}), kExitNoDaemon);
  start_daemon();
  WaitOutcome outcome;
  outcome.kind = WaitOutcome::Kind::kDone;
  outcome.target = {1'795'372'200, 1};
  control_.set_outcome(outcome);
  EXPECT_EQ(run({"wait", "--timeout", "7"}), kExitOk) << err();
  EXPECT_EQ(control_.last_timeout(), std::chrono::seconds(7));
  EXPECT_TRUE(out().starts_with("every write up to 2026-11-22")) << out();
  EXPECT_EQ(run({"wait", "--json"}), kExitOk);
  EXPECT_EQ(Json::parse(out()).at("done"), true);

  outcome.kind = WaitOutcome::Kind::kExceptions;
  outcome.dead_letters = 1;
  control_.set_outcome(outcome);
  EXPECT_EQ(run({"wait"}), kExitExceptions);
  EXPECT_EQ(run({"wait", "--json"}), kExitExceptions);
  EXPECT_EQ(Json::parse(out()).at("exceptions"), 1);

  outcome.kind = WaitOutcome::Kind::kTimedOut;
  outcome.blocked_by = "the first copy";
  control_.set_outcome(outcome);
  EXPECT_EQ(run({"wait", "--timeout=1"}), kExitTimedOut);
  EXPECT_NE(err().find("after 1 s: the first copy"), std::string::npos) << err();
  EXPECT_EQ(run({"wait", "--json"}), kExitTimedOut);
  EXPECT_EQ(Json::parse(out()).at("done"), false);
  EXPECT_EQ(Json::parse(out()).size(), 7U);

  control_.set_outcome(Error{ErrorKind::kConnectivity, "local does not answer", "", 0});
  EXPECT_EQ(run({"wait"}), kExitUnreachable);
  control_.set_outcome(Error{ErrorKind::kStopped, "stopping", "", 0});
  EXPECT_EQ(run({"wait"}), kExitNoDaemon);
  control_.set_outcome(Error{ErrorKind::kUnsupported, "the mirror is off", "", 0});
  EXPECT_EQ(run({"wait"}), kExitFailed);
}

TEST_F(Cli, Verifies) {
  EXPECT_EQ(run({"verify"}), kExitUsage);
  environment_["MONGODB_ATLAS_URI"] = "mongodb://backup.example.net/shop";
  VerifyReport report;
  NamespaceReport orders;
  orders.ns = {"shop", "orders"};
  report.namespaces = {orders};
  report_ = report;
  EXPECT_EQ(run({"verify"}), kExitOk) << err();
  EXPECT_TRUE(request_.namespaces.empty());
  EXPECT_NE(out().find("EQUAL: 0 documents in 1 collection"), std::string::npos) << out();
  EXPECT_TRUE(err().empty()) << err();
  EXPECT_EQ(run({"verify", "shop.orders", "ord*", "--json"}), kExitOk) << err();
  EXPECT_EQ(request_.namespaces, (std::vector<std::string>{"shop.orders", "ord*"}));
  EXPECT_EQ(Json::parse(out()).at("equal"), true);
  EXPECT_EQ(run({"verify", "shop.order"}), kExitUsage);

  hooks_.err_is_terminal = true;
  EXPECT_EQ(run({"verify"}), kExitOk);
  EXPECT_NE(err().find("5 of about 10 documents"), std::string::npos) << err();

  orders.difference_count = 1;
  report.namespaces = {orders};
  report_ = report;
  EXPECT_EQ(run({"verify"}), kExitFailed);
  report_ = Error{ErrorKind::kConnectivity, "local does not answer", "", 0};
  EXPECT_EQ(run({"verify"}), kExitUnreachable);
  report_ = Error{ErrorKind::kConflict, "in use", "", 0};
  EXPECT_EQ(run({"verify"}), kExitOwned);
  report_ = Error{ErrorKind::kCorruption, "damaged", "", 0};
  EXPECT_EQ(run({"verify"}), kExitDamaged);
}

TEST_F(Cli, WarnsOfUnknownNames) {
  dir_.write(".env", "SYNC_LANE=3\n");
  start_daemon();
  EXPECT_EQ(run({"status", "--json"}), kExitOk);
  EXPECT_NE(err().find("dualsync: warning: .env line 1: SYNC_LANE"), std::string::npos) << err();
  EXPECT_TRUE(Json::parse(out()).is_object());
}

TEST_F(Cli, WritesItsDocumentation) {
  EXPECT_EQ(run({"internal", "settings-doc"}), kExitOk);
  EXPECT_TRUE(out().starts_with("# Settings\n"));
}

TEST_F(Cli, DrillPassesOnWhatIsAskedAndNamesWhatIsDamaged) {
  EXPECT_EQ(run({"drill"}), kExitUsage);
  EXPECT_NE(err().find("MONGODB_ATLAS_URI is not set"), std::string::npos);
  environment_["MONGODB_ATLAS_URI"] = "mongodb://127.0.0.1:1/shop";
  DrillReport report;
  report.target = "127.0.0.1:27017";
  report.whole = true;
  report.compared = true;
  report.finished_ms = 1'795'372'200'123;
  report.namespaces.push_back({{"shop", "orders"}, "collection", 12'000, 3, {}, 0, {}, 0});
  drilled_ = report;
  EXPECT_EQ(run({"drill", "orders", "shop.c*", "--to", "mongodb://b/", "--compare-local", "always",
                 "--drill-bytes-per-second", "1MiB", "--json"}),
            kExitOk)
      << err();
  EXPECT_EQ(drill_request_.namespaces, (std::vector<std::string>{"orders", "shop.c*"}));
  EXPECT_EQ(drill_request_.to, "mongodb://b/");
  EXPECT_EQ(drill_request_.compare, CompareLocal::kAlways);
  EXPECT_EQ(seen_.drill_bytes_per_second, 1U << 20U);
  const Json body = Json::parse(out());
  EXPECT_EQ(body["proven"], true);
  EXPECT_EQ(body["finished"], "2026-11-22T18:30:00.123Z");
  EXPECT_EQ(body["namespaces"][0]["namespace"], "shop.orders");
  EXPECT_EQ(run({"drill"}), kExitOk);
  EXPECT_EQ(drill_request_.compare, CompareLocal::kAuto);
  EXPECT_NE(out().find("PROVEN: 12,000 documents restored to 127.0.0.1:27017"), std::string::npos) << out();
  report.namespaces[0].problems = {"index 'values' is missing on the backup"};
  report.namespaces[0].difference_count = 7;
  report.namespaces[0].differences = {{DifferenceKind::kContent, {}, "5", "total"}};
  drilled_ = report;
  EXPECT_EQ(run({"drill"}), kExitFailed);
  for (const char* text : {"DAMAGED", "NOT PROVEN", "_id 5  at total", "and 6 more", "index 'values' is missing"})
    EXPECT_NE(out().find(text), std::string::npos) << text << '\n' << out();
  EXPECT_EQ(run({"drill", "--json"}), kExitFailed);
  EXPECT_EQ(Json::parse(out())["namespaces"][0]["differences"][0]["id"], 5);
  drilled_ = Error{ErrorKind::kConflict, "another drill runs on ./data", "wait for it to end", 0};
  EXPECT_EQ(run({"drill"}), kExitOwned);
  EXPECT_EQ(run({"drill", "--compare-local", "perhaps"}), kExitUsage);
}

TEST_F(Cli, RestorePassesOnWhatIsAskedAndTellsWhatWasDone) {
  EXPECT_EQ(run({"restore"}), kExitUsage);
  EXPECT_NE(err().find("MONGODB_ATLAS_URI is not set"), std::string::npos);
  environment_["MONGODB_ATLAS_URI"] = "mongodb://127.0.0.1:1/shop";
  RestoreReport report;
  report.target = "127.0.0.1:27017";
  report.namespaces.push_back({{"shop", "orders"}, "collection", 12'000, 11'999, 3, 0, TargetState::kUnfinished});
  restored_ = report;
  EXPECT_EQ(run({"restore", "orders", "--namespace", "shop.c*", "--id", "5", "--id", "x", "--to", "mongodb://b/c",
                 "--force", "--json"}),
            kExitOk)
      << err();
  EXPECT_EQ(restore_request_.namespaces, (std::vector<std::string>{"orders", "shop.c*"}));
  EXPECT_EQ(restore_request_.ids, (std::vector<std::string>{"5", "x"}));
  EXPECT_EQ(restore_request_.to, "mongodb://b/c");
  EXPECT_TRUE(restore_request_.force);
  EXPECT_FALSE(restore_request_.dry_run);
  const Json body = Json::parse(out());
  EXPECT_EQ(body["proven"], true);
  EXPECT_EQ(body["namespaces"][0]["namespace"], "shop.orders");
  EXPECT_EQ(body["namespaces"][0]["before"], "unfinished");
  EXPECT_EQ(body["namespaces"][0]["documents"], 12'000);
  EXPECT_EQ(run({"restore"}), kExitOk);
  EXPECT_NE(out().find("RESTORED"), std::string::npos) << out();
  EXPECT_NE(err().find("adopt-local"), std::string::npos) << err();
  restored_ = Error{ErrorKind::kRefused, "the target is not empty: shop.orders", "--force replaces it", 0};
  EXPECT_EQ(run({"restore", "--dry-run"}), kExitFailed);
  EXPECT_TRUE(restore_request_.dry_run);
  EXPECT_NE(err().find("hint: --force"), std::string::npos) << err();
}

TEST_F(Cli, DecidesOnHeldDeletes) {
  start_daemon();
  EXPECT_EQ(run({"release", "shop.bills"}), kExitOk) << err();
  EXPECT_TRUE(control_.decided().release);
  EXPECT_NE(out().find("shop.bills: 7 held documents are looked up on local again"), std::string::npos) << out();
  EXPECT_EQ(run({"discard", "shop.bills", "--json"}), kExitOk) << err();
  EXPECT_FALSE(control_.decided().release);
  EXPECT_EQ(Json::parse(out()), Json::parse(R"({"namespace":"shop.bills","decision":"discard","documents":7})"));
  EXPECT_EQ(run({"release", "shop.other"}), kExitFailed);
  EXPECT_NE(err().find("no deletes are held there"), std::string::npos) << err();
}

TEST_F(Cli, DecidesOnACollectionOnly) {
  for (const char* name : {"shop", "", ".bills", "shop."}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(run({"release", name}), kExitUsage);
    EXPECT_EQ(run({"discard", name}), kExitUsage);
  }
  EXPECT_EQ(run({"release"}), kExitUsage);
  EXPECT_EQ(run({"discard", "shop.bills", "shop.goods"}), kExitUsage);
  EXPECT_EQ(run({"release", "shop.bills"}), kExitNoDaemon);
}

}  // namespace
}  // namespace dualsync
