// `dualsync queue ...` through the whole command line.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "dualsync/cli/exit_codes.h"
#include "dualsync/cli/root.h"
#include "support/queue_fixture.h"
#include "support/raw_queue.h"

namespace dualsync {
namespace {

using Json = nlohmann::json;
using test::document;
using test::make_op;

class CliQueue : public test::QueueFixture {
 protected:
  CliQueue() {
    hooks_.out = &out_;
    hooks_.err = &err_;
    hooks_.env_file = dir_.path() / ".env";
    hooks_.environment = [this](const std::string& name) -> std::optional<std::string> {
      return name == "SYNC_DATA_DIR" ? std::optional<std::string>(dir_.text()) : std::nullopt;
    };
  }
  void fill() {
    open();
    append({make_op(OpKind::kInsert, "1", document("1", 41), {10, 1}), make_op(OpKind::kDelete, "2", "", {10, 2})});
    queue_.reset();
  }
  int run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    std::vector<const char*> all = {"dualsync", "queue"};
    for (const std::string& argument : arguments) all.push_back(argument.c_str());
    return run_cli(static_cast<int>(all.size()), all.data(), hooks_);
  }
  Json json() const { return Json::parse(out_.str()); }

  std::ostringstream out_;
  std::ostringstream err_;
  CliHooks hooks_;
};

TEST_F(CliQueue, NeedsASubcommandAndAQueue) {
  EXPECT_EQ(run({}), kExitUsage);
  EXPECT_EQ(run({"check"}), kExitFailed);
  EXPECT_NE(err_.str().find("there is no queue in"), std::string::npos);
  EXPECT_EQ(run({"list", "--limit", "-1"}), kExitUsage);
}

TEST_F(CliQueue, CheckSaysThatAllIsWell) {
  fill();
  EXPECT_EQ(run({"check"}), kExitOk) << err_.str();
  EXPECT_NE(out_.str().find("every record is whole"), std::string::npos) << out_.str();
  EXPECT_EQ(run({"check", "--json"}), kExitOk);
  EXPECT_EQ(json()["ok"], true);
  EXPECT_EQ(json()["operations"], 2);
  EXPECT_TRUE(err_.str().empty());
}

TEST_F(CliQueue, CheckNamesDamageAndExits8) {
  fill();
  {
    test::RawQueue raw(options_.directory);
    raw.put(raw.store().operations(), seq_key(2), raw.operation(2) + "x");
  }
  EXPECT_EQ(run({"check"}), kExitDamaged);
  EXPECT_NE(out_.str().find("damaged: operations, operation 2: queue record: wrong length"), std::string::npos)
      << out_.str();
  EXPECT_NE(out_.str().find("what to do: stop dualsync"), std::string::npos);
  EXPECT_EQ(run({"check", "--json"}), kExitDamaged);
  EXPECT_EQ(json()["problems"][0]["record"], "operation 2");
}

TEST_F(CliQueue, ANewerFormatIsRefused) {
  fill();
  {
    test::RawQueue raw(options_.directory);
    raw.put(raw.store().meta(), "format", "3");
  }
  for (const char* command : {"check", "list", "export"}) {
    EXPECT_EQ(run({command}), kExitFailed) << command;
    EXPECT_NE(err_.str().find("format 3; this program knows format 2"), std::string::npos) << err_.str();
  }
  EXPECT_EQ(run({"clear", "--yes", "--json"}), kExitFailed);
  EXPECT_EQ(json()["error"]["code"], to_string(ErrorKind::kUnsupported));
}

TEST_F(CliQueue, ListShowsKeysAndNoContent) {
  fill();
  EXPECT_EQ(run({"list"}), kExitOk);
  EXPECT_NE(out_.str().find("shop.bills"), std::string::npos);
  EXPECT_EQ(out_.str().find("41"), std::string::npos) << "a document's content";
  EXPECT_EQ(run({"list", "--limit", "1", "--json"}), kExitOk);
  EXPECT_EQ(json()["total"], 2);
  ASSERT_EQ(json()["operations"].size(), 1U);
  EXPECT_EQ(json()["operations"][0]["type"], "insert");
  EXPECT_EQ(json()["operations"][0]["documentKey"]["_id"]["$numberInt"], "1");
}

TEST_F(CliQueue, ClearAsksForYesAndNeedsTheDaemonStopped) {
  fill();
  EXPECT_EQ(run({"clear"}), kExitUsage);
  EXPECT_NE(err_.str().find("--yes"), std::string::npos);
  open();
  EXPECT_EQ(run({"clear", "--yes"}), kExitOwned);
  EXPECT_EQ(queue_->stats().operations, 2U);
  queue_.reset();
  EXPECT_EQ(run({"clear", "--yes", "--json"}), kExitOk) << err_.str();
  EXPECT_EQ(json()["operations"], 2);
  EXPECT_EQ(json()["dirtyNamespaces"][0], "shop.bills");
  EXPECT_EQ(run({"list"}), kExitOk);
  EXPECT_NE(out_.str().find("empty"), std::string::npos);
}

TEST_F(CliQueue, ExportsAndImports) {
  fill();
  const std::string file = dir_.text() + "/queue.json";
  EXPECT_EQ(run({"export", file}), kExitOk) << err_.str();
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(run({"export"}), kExitOk);
  EXPECT_EQ(Json::parse(out_.str())["operations"].size(), 2U);
  EXPECT_EQ(run({"clear", "--yes"}), kExitOk);
  EXPECT_EQ(run({"import", file, "--as-recorded", "--json"}), kExitOk) << err_.str();
  EXPECT_EQ(json()["operations"], 2);
  EXPECT_EQ(run({"list", "--json"}), kExitOk);
  EXPECT_EQ(json()["operations"][0]["type"], "insert");
  EXPECT_EQ(run({"check"}), kExitOk) << out_.str();
}

TEST_F(CliQueue, ImportNamesWhatIsWrong) {
  const std::string file =
      dir_.write("bad.json", R"({"version":"1.0","operations":[{"id":"0b1c2d3e-0000-4000-8000-000000000001"}]})")
          .string();
  EXPECT_EQ(run({"import", file}), kExitUsage);
  EXPECT_NE(err_.str().find("bad.json: operation 1: field `type`: it is missing"), std::string::npos) << err_.str();
  EXPECT_EQ(run({"import", dir_.text() + "/none.json"}), kExitUsage);
}

}  // namespace
}  // namespace dualsync
