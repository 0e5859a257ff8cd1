#include "dualsync/pipeline/drill.h"

#include <gtest/gtest.h>

#include "support/bson_literal.h"
#include "support/fake_clock.h"
#include "support/fake_store.h"
#include "support/names.h"

namespace dualsync {
namespace {

constexpr const char* kOwner = "00c0ffee";
const Namespace kOrders{"shop", "orders"};

std::string bill(int number, int value) {
  return test::bson(R"({"_id": )" + std::to_string(number) + R"(, "value": )" + std::to_string(value) + "}");
}

std::string index(const std::string& name, const std::string& more = "") {
  return test::bson(R"({"v": 2, "key": {"value": 1}, "name": ")" + name + "\"" + more + "}");
}

// A server with indexes, and a schema that can be refused.
struct Server {
  test::FakeServer store;
  std::map<Namespace, std::vector<std::string>> indexes;
  std::string impossible_index;  // name
  int created = 0;               // collections
};

class Reader final : public test::FakeReader {
 public:
  explicit Reader(Server& server) : FakeReader(server.store), server_(server) {}
  Result<std::vector<std::string>> list_databases() override {
    if (server_.store.down) return test::unreachable();
    return FakeReader::list_databases();
  }
  Result<std::vector<std::string>> list_indexes(const Namespace& ns) override {
    auto found = FakeReader::list_indexes(ns);
    for (const std::string& each : server_.indexes[ns]) found->push_back(each);
    return found;
  }

 private:
  Server& server_;
};

class Schema final : public SchemaWriter {
 public:
  explicit Schema(Server& server) : server_(server) {}
  Result<void> create_collection(const Namespace& ns, std::string_view) override {
    ++server_.created;
    server_.store.data.try_emplace(ns);
    return {};
  }
  Result<void> create_index(const Namespace& ns, std::string_view definition) override {
    if (!server_.impossible_index.empty() && definition.find(server_.impossible_index) != std::string_view::npos)
      return Error{ErrorKind::kDuplicateKey, "two documents have the same value", "", 11000};
    server_.indexes[ns].emplace_back(definition);
    return {};
  }
  Result<void> drop_index(const Namespace&, const std::string&) override { return {}; }
  Result<void> modify_collection(const Namespace&, std::string_view) override { return {}; }
  Result<void> rename(const Namespace&, const Namespace&, bool) override { return {}; }
  Result<void> drop(const Namespace& gone) override {
    std::erase_if(server_.store.data, [&](const auto& each) { return gone.overlaps(each.first); });
    std::erase_if(server_.indexes, [&](const auto& each) { return gone.overlaps(each.first); });
    return {};
  }

 private:
  Server& server_;
};

class Side final : public BackupSide {
 public:
  explicit Side(Server& server) : server_(server) {}
  std::unique_ptr<DocumentReader> make_reader() override { return std::make_unique<Reader>(server_); }
  std::unique_ptr<BackupWriter> make_writer() override { return std::make_unique<test::FakeWriter>(server_.store); }
  std::unique_ptr<SchemaWriter> make_schema_writer() override { return std::make_unique<Schema>(server_); }

 private:
  Server& server_;
};

class Local final : public LocalSide {
 public:
  explicit Local(Server& server) : server_(server) {}
  std::unique_ptr<ChangeSource> make_change_source() override { return nullptr; }
  std::unique_ptr<DocumentReader> make_reader() override { return std::make_unique<Reader>(server_); }

 private:
  Server& server_;
};

class Kept final : public KeptSchemas {
 public:
  explicit Kept(std::map<Namespace, TrueSchema>& kept) : kept_(kept) {}
  Result<TrueSchema> read(const Namespace& ns) override {
    if (ns.collection == "damaged") return Error{ErrorKind::kCorruption, "the record is damaged", "", 0};
    return kept_[ns];
  }
  Result<void> change(const Namespace&, const std::function<void(TrueSchema*)>&) override { return {}; }

 private:
  std::map<Namespace, TrueSchema>& kept_;
};

struct Storage final : StorageProbe {
  std::optional<std::uint64_t> free;
  std::optional<std::uint64_t> stored;
  Result<std::optional<std::uint64_t>> free_bytes() override { return free; }
  Result<std::optional<std::uint64_t>> stored_bytes(const Namespace&) override { return stored; }
};

class DrillTest : public ::testing::Test {
 protected:
  // Local is also where it restores to, and the mirror has caught up.
  DrillTest() {
    for (int i = 0; i < 20; ++i) {
      for (Server* server : {&local_, &backup_}) {
        server->store.put(kBills, bill(i, i));
        server->store.put(kOrders, bill(i, -i));
      }
    }
    options_.owner = kOwner;
    options_.recheck.catch_up = [this](std::stop_token) -> Result<bool> { return caught_up_; };
  }

  Result<DrillReport> drill(std::stop_token stop = {}) {
    Drill made(scope_, {local_side_, backup_side_, target_side_, storage_, storage_, std::make_unique<Kept>(kept_)},
               clock_, options_);
    return made.run(std::move(stop), [](const CopyStatus&) {});
  }
  const DrilledNamespace& of(const Result<DrillReport>& report, const Namespace& ns) const {
    for (const DrilledNamespace& one : report->namespaces) {
      if (one.ns == ns) return one;
    }
    ADD_FAILURE() << "nothing is said of " << ns.full();
    return report->namespaces.front();
  }
  bool scratch_left() {
    for (const auto& [ns, documents] : local_.store.data) {
      if (ns.db.starts_with("__dualsync_drill_")) return true;
    }
    return false;
  }

  test::FakeClock clock_;
  const Scope scope_{ScopeOptions{}};
  Server local_;
  Server backup_;
  Local local_side_{local_};
  Side backup_side_{backup_};
  Side target_side_{local_};
  Storage storage_;
  std::map<Namespace, TrueSchema> kept_;
  DrillOptions options_;
  bool caught_up_ = true;
};

TEST_F(DrillTest, ASoundBackupIsProvenAndNothingIsLeft) {
  local_.indexes[kBills] = {index("soon", R"(, "expireAfterSeconds": 60)")};
  backup_.indexes[kBills] = {index("soon")};
  kept_[kBills].ttl_seconds["soon"] = 60;
  const auto before = local_.store.data;
  const auto report = drill();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_TRUE(report->sound());
  EXPECT_TRUE(report->whole);
  EXPECT_TRUE(report->compared);
  EXPECT_EQ(report->documents(), 40U);
  EXPECT_EQ(of(report, kBills).indexes, 2U);
  EXPECT_EQ(report->finished_ms, clock_.unix_ms());
  EXPECT_EQ(local_.created, 2);
  EXPECT_EQ(local_.store.data, before);
}

TEST_F(DrillTest, LeftoversOfItsOwnGoFirstAndThoseOfOthersStay) {
  const Namespace own{"__dualsync_drill_00c0ffee_5", "bills"};
  const Namespace other{"__dualsync_drill_deadbeef_0", "bills"};
  for (const Namespace& ns : {own, other}) local_.store.put(ns, bill(1, 1));
  const auto report = drill();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->leftovers, 1U);
  EXPECT_FALSE(local_.store.data.contains(own));
  EXPECT_TRUE(local_.store.data.contains(other));
}

TEST_F(DrillTest, ADocumentThatCannotComeBackIsNamedAndTheRestIsStillTried) {
  local_.store.refused.insert(bill(7, 7));
  const auto report = drill();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_FALSE(report->sound());
  ASSERT_FALSE(of(report, kBills).problems.empty());
  EXPECT_NE(of(report, kBills).problems.front().find("documents still differ"), std::string::npos);
  EXPECT_NE(of(report, kBills).problems.front().find("\"7\""), std::string::npos) << of(report, kBills).problems[0];
  EXPECT_TRUE(of(report, kOrders).sound());
  EXPECT_FALSE(scratch_left());
}

TEST_F(DrillTest, AnIndexThatTheDataDoesNotAllowIsNamed) {
  for (Server* server : {&local_, &backup_}) server->indexes[kBills] = {index("values", R"(, "unique": true)")};
  local_.impossible_index = "values";
  const auto report = drill();
  ASSERT_TRUE(report.ok()) << report.error().message;
  ASSERT_EQ(of(report, kBills).problems.size(), 1U);
  EXPECT_NE(of(report, kBills).problems[0].find("index 'values'"), std::string::npos) << of(report, kBills).problems[0];
  EXPECT_FALSE(scratch_left());
}

TEST_F(DrillTest, WhatIsKeptBesideTheLeaseIsMissedAndItsDamageTold) {
  const Namespace damaged{"shop", "damaged"};
  for (Server* server : {&local_, &backup_}) server->store.put(damaged, bill(1, 1));
  local_.indexes[kBills] = {index("soon", R"(, "expireAfterSeconds": 60)")};
  backup_.indexes[kBills] = {index("soon")};
  const auto report = drill();
  ASSERT_TRUE(report.ok()) << report.error().message;
  ASSERT_EQ(of(report, kBills).problems.size(), 1U);
  EXPECT_EQ(of(report, kBills).problems[0], "the TTL of index 'soon' comes back as none instead of 60 seconds");
  ASSERT_EQ(of(report, damaged).problems.size(), 1U);
  EXPECT_EQ(of(report, damaged).problems[0], "backup: the record is damaged");
  EXPECT_TRUE(of(report, kOrders).sound());
}

TEST_F(DrillTest, DifferencesFromLocalAreNamedIfTheMirrorHasCaughtUp) {
  backup_.store.put(kBills, bill(3, 99));
  backup_.store.data[kOrders].erase(test::bson(R"({"_id": 4})"));
  auto report = drill();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(of(report, kBills).difference_count, 1U);
  EXPECT_EQ(of(report, kBills).differences.front().kind, DifferenceKind::kContent);
  EXPECT_EQ(of(report, kOrders).differences.front().kind, DifferenceKind::kMissing);
  caught_up_ = false;
  report = drill();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_TRUE(report->sound());
  EXPECT_FALSE(report->compared);
  EXPECT_FALSE(report->local_note.empty());
}

TEST_F(DrillTest, NotWithoutRoom) {
  storage_.stored = 1000;
  storage_.free = 2 * 1000 + 499;
  options_.reserve_bytes = 500;
  auto report = drill();
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().kind, ErrorKind::kRefused);
  EXPECT_NE(report.error().message.find("not enough room"), std::string::npos);
  EXPECT_EQ(local_.created, 0) << "something was written first";
  storage_.free = 2 * 1000 + 500;
  EXPECT_TRUE(drill().ok());
  storage_.free = 1;
  storage_.stored.reset();  // the server does not tell
  EXPECT_TRUE(drill().ok());
}

TEST_F(DrillTest, StoppedAndNothingIsLeft) {
  std::stop_source stop;
  options_.recheck.catch_up = [&](std::stop_token) -> Result<bool> {
    stop.request_stop();
    return true;
  };
  const auto report = drill(stop.get_token());
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().kind, ErrorKind::kStopped);
  EXPECT_FALSE(scratch_left());
}

TEST_F(DrillTest, ABackupThatIsAwayProvesNothing) {
  backup_.store.down = true;
  auto report = drill();
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().kind, ErrorKind::kConnectivity);
  EXPECT_FALSE(scratch_left());
  backup_.store.down = false;
  backup_.store.data.clear();
  report = drill();
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace dualsync
