#include "dualsync/pipeline/polled_ddl.h"

#include <gtest/gtest.h>

#include "dualsync/pipeline/index_sync.h"
#include "support/bson_literal.h"
#include "support/fake_clock.h"
#include "support/pipeline_fixture.h"

namespace dualsync {
namespace {

using test::bson;
using Type = CollectionInfo::Type;
using Words = std::vector<std::string>;

const Namespace kThings{"shop", "things"};

// What an old local looks like, and what its stream brings.
struct OldServer {
  std::map<Namespace, CollectionInfo> collections;
  std::map<Namespace, std::vector<std::string>> indexes;
  std::optional<Error> listing_fails;
  int listings = 0;
  bool tells_ddl = false;
  std::vector<std::vector<std::string>> stream;  // batches
  std::size_t read = 0;

  void create(const Namespace& ns, char id, const std::string& options = "{}", Type type = Type::kCollection) {
    collections[ns] = {ns, type, bson(options), type == Type::kView ? "" : std::string(16, id)};
    if (type == Type::kCollection) indexes[ns] = {bson(R"({"v": 2, "key": {"_id": 1}, "name": "_id_"})")};
  }
  void create_index(const Namespace& ns, const std::string& name, const std::string& rest = "") {
    indexes[ns].push_back(bson(R"({"v": 2, "key": {")" + name + R"(": 1}, "name": ")" + name + "\"" + rest + "}"));
  }
  void drop(const Namespace& ns) {
    collections.erase(ns);
    indexes.erase(ns);
  }
};

class OldReader final : public test::FakeReader {
 public:
  OldReader(test::FakeServer& base, OldServer& server) : FakeReader(base), server_(server) {}
  Result<std::vector<std::string>> list_databases() override { return Words{"shop", "admin"}; }
  Result<std::vector<CollectionInfo>> list_collections(const std::string& db) override {
    ++server_.listings;
    if (server_.listing_fails) return *server_.listing_fails;
    std::vector<CollectionInfo> found;
    for (const auto& [ns, info] : server_.collections) {
      if (ns.db == db) found.push_back(info);
    }
    return found;
  }
  Result<std::vector<std::string>> list_indexes(const Namespace& ns) override { return server_.indexes[ns]; }

 private:
  OldServer& server_;
};

class OldSource final : public ChangeSource {
 public:
  explicit OldSource(OldServer& server) : server_(server) {}
  Result<Position> open(const Position& from) override {
    Position position = from;
    position.token = "t";
    position.time = {10, 1};
    return position;
  }
  Result<ChangeBatch> next(std::stop_token) override {
    ChangeBatch batch;
    batch.position.token = "t";
    batch.position.time = {20, 1};
    if (server_.read < server_.stream.size()) {
      for (const std::string& event : server_.stream[server_.read++]) batch.events.push_back(event);
    }
    return batch;
  }
  void close() override {}
  bool tells_ddl() const override { return server_.tells_ddl; }

 private:
  OldServer& server_;
};

class OldLocal final : public LocalSide {
 public:
  OldLocal(test::FakeServer& base, OldServer& server) : base_(base), server_(server) {}
  std::unique_ptr<ChangeSource> make_change_source() override { return std::make_unique<OldSource>(server_); }
  std::unique_ptr<DocumentReader> make_reader() override { return std::make_unique<OldReader>(base_, server_); }

 private:
  test::FakeServer& base_;
  OldServer& server_;
};

std::string change(const std::string& type, const std::string& collection, const std::string& more) {
  return bson(R"({"operationType": ")" + type + R"(", "clusterTime": {"$timestamp": {"t": 15, "i": 1}},
                  "ns": {"db": "shop", "coll": ")" +
              collection + R"("})" + more + "}");
}
std::string insert(const std::string& collection) {
  return change("insert", collection, R"(, "documentKey": {"_id": 1}, "fullDocument": {"_id": 1})");
}
std::string drop(const std::string& collection) { return change("drop", collection, ""); }
std::string rename(const std::string& from, const std::string& to) {
  return change("rename", from, R"(, "to": {"db": "shop", "coll": ")" + to + "\"}");
}

class PolledDdlTest : public test::PipelineFixture {
 protected:
  void SetUp() override {
    PipelineFixture::SetUp();
    pipeline_.ddl_poll_interval = std::chrono::seconds(30);
    context_ = std::make_unique<PipelineContext>(
        PipelineContext{pipeline_, scope_, old_local_, backup_side_, *queue_, breaker_, counters_, clock_});
  }
  // A process that starts: at `first`, or where the stream stood.
  void start(bool first = false) {
    source_ = std::make_unique<PolledDdl>(*context_, old_local_.make_change_source());
    Position from;
    if (!first) from.token = "t";
    EXPECT_TRUE(source_->open(from).ok());
  }
  // The next batch, in words: "create things", "createIndexes things a b".
  Words next(std::vector<std::string> events = {}) {
    server_.stream.push_back(std::move(events));
    auto batch = source_->next({});
    if (!batch) return {"error: " + batch.error().message};
    Words words;
    for (const std::string_view event : batch->events) words.push_back(in_words(event));
    return words;
  }
  Words poll() {
    clock_.advance(std::chrono::seconds(30));
    return next();
  }
  static std::string in_words(std::string_view event) {
    bson_iter_t iter;
    if (find_field(event, "documentKey", &iter)) return "document";
    const auto ddl = parse_ddl_event(event);
    if (!ddl) return ddl.error().message;
    std::string words = ddl->name + " " + ddl->ns.collection;
    for (const std::string& index : index_definitions(*ddl)) words += " " + index_name(index);
    return words;
  }

  test::FakeClock clock_;
  OldServer server_;
  OldLocal old_local_{local_, server_};
  std::unique_ptr<PipelineContext> context_;
  std::unique_ptr<PolledDdl> source_;
};

TEST_F(PolledDdlTest, WhatIsThereAtTheFirstStartIsNotNews) {
  server_.create(kThings, 'a');
  server_.create_index(kThings, "name");
  start(true);
  EXPECT_EQ(next({insert("things")}), (Words{"document"}));
  server_.create_index(kThings, "price");
  EXPECT_EQ(next(), Words{}) << "not its time yet";
  EXPECT_EQ(poll(), (Words{"createIndexes things price"}));
  EXPECT_EQ(poll(), Words{});
  server_.indexes[kThings].erase(server_.indexes[kThings].begin() + 1);
  server_.create({"shop", "empty"}, 'e');
  server_.create({"admin", "ours"}, 'o');
  EXPECT_EQ(poll(), (Words{"create empty", "dropIndexes things name"}));
}

TEST_F(PolledDdlTest, ACollectionComesBeforeItsFirstDocumentAndIsReadOnce) {
  start(true);
  EXPECT_EQ(next(), Words{});
  server_.create(kThings, 'a', R"({"collation": {"locale": "en"}})");
  server_.create_index(kThings, "name");
  const int before = server_.listings;
  EXPECT_EQ(next({insert("things"), insert("things"), insert("gone"), insert("gone")}),
            (Words{"create things", "createIndexes things name", "document", "document", "document", "document"}));
  EXPECT_EQ(server_.listings, before + 1);
  EXPECT_EQ(next({insert("gone"), insert("things")}), (Words{"document", "document"}));
  EXPECT_EQ(server_.listings, before + 1);
  EXPECT_EQ(next({drop("gone"), insert("gone")}), (Words{"drop gone", "document"}));
  EXPECT_EQ(server_.listings, before + 2) << "another collection of the name";
  EXPECT_EQ(poll(), Words{});
}

TEST_F(PolledDdlTest, ANameWhoseDropOrRenameIsOnItsWayIsLeftAlone) {
  server_.create(kThings, 'a');
  start(true);
  EXPECT_EQ(next(), Words{});
  // On local: things was renamed, and another made; of neither has the stream told.
  server_.create({"shop", "other"}, 'a');
  server_.create(kThings, 'b');
  server_.create_index(kThings, "new");
  EXPECT_EQ(poll(), Words{});
  EXPECT_EQ(next({rename("things", "other"), insert("things")}),
            (Words{"rename things", "create things", "createIndexes things new", "document"}));
  EXPECT_EQ(poll(), Words{});
  server_.drop(kThings);
  EXPECT_EQ(poll(), Words{}) << "the stream tells of it";
  server_.create(kThings, 'c');
  EXPECT_EQ(next({drop("things")}), (Words{"drop things"}));
  EXPECT_EQ(poll(), (Words{"create things"}));
}

TEST_F(PolledDdlTest, ViewsComeChangeAndGo) {
  const Namespace view{"shop", "seen"};
  start(true);
  EXPECT_EQ(next(), Words{});
  server_.create(view, 0, R"({"viewOn": "things", "pipeline": []})", Type::kView);
  EXPECT_EQ(poll(), (Words{"create seen"}));
  server_.create(view, 0, R"({"viewOn": "other", "pipeline": []})", Type::kView);
  EXPECT_EQ(poll(), (Words{"drop seen", "create seen"}));
  server_.drop(view);
  EXPECT_EQ(poll(), (Words{"drop seen"}));
  server_.create(view, 0, R"({"viewOn": "other", "pipeline": []})", Type::kView);
  EXPECT_EQ(poll(), (Words{"create seen"}));
  server_.create(view, 'a');
  EXPECT_EQ(poll(), (Words{"drop seen", "create seen"}));
}

TEST_F(PolledDdlTest, WhatACrashTookComesAgainAndWhatIsStoredDoesNot) {
  server_.create(kThings, 'a');
  start(true);
  EXPECT_EQ(next(), Words{});
  server_.create_index(kThings, "name");
  EXPECT_EQ(poll(), (Words{"createIndexes things name"}));
  start();  // before the batch was stored
  EXPECT_EQ(next(), (Words{"createIndexes things name"}));
  EXPECT_EQ(next(), Words{});
  start();
  EXPECT_EQ(next(), Words{}) << "looked at once, and nothing is new";
  // While no process ran:
  server_.create(kThings, 'a', R"({"validator": {"n": 1}})");
  start();
  EXPECT_EQ(next(), (Words{"modify things", "dropIndexes things name"}));
}

TEST_F(PolledDdlTest, WithoutARecordEverythingIsToldOnce) {
  server_.create(kThings, 'a');
  server_.create_index(kThings, "name");
  start();
  EXPECT_EQ(next(), (Words{"create things", "createIndexes things name"}));
  EXPECT_EQ(poll(), Words{});
}

TEST_F(PolledDdlTest, AServerThatTellsIsNotAskedAndTheRecordEnds) {
  server_.create(kThings, 'a');
  start(true);
  EXPECT_EQ(next(), Words{});
  EXPECT_EQ(next(), Words{});
  EXPECT_FALSE(queue_->list_state("polled")->empty());
  server_.tells_ddl = true;
  const int before = server_.listings;
  start();
  EXPECT_EQ(next({insert("new")}), (Words{"document"}));
  EXPECT_EQ(poll(), Words{});
  EXPECT_EQ(server_.listings, before);
  EXPECT_TRUE(queue_->list_state("polled")->empty());
}

TEST_F(PolledDdlTest, ADatabaseThatMayNotBeReadHoldsNothingUpAndABrokenLinkDoes) {
  start(true);
  EXPECT_EQ(next(), Words{});
  server_.listing_fails = Error{ErrorKind::kDenied, "not authorized", "", 13};
  EXPECT_EQ(next({insert("things")}), (Words{"document"}));
  EXPECT_EQ(poll(), Words{});
  server_.listing_fails = test::unreachable();
  EXPECT_EQ(next({insert("others")}), (Words{"error: connection refused"}));
}

TEST_F(PolledDdlTest, ADroppedDatabaseTakesItsNamesAlong) {
  server_.create(kThings, 'a');
  start(true);
  EXPECT_EQ(next(), Words{});
  server_.create(kThings, 'b');
  EXPECT_EQ(next({change("dropDatabase", "", ""), insert("things")}),
            (Words{"dropDatabase ", "create things", "document"}));
}

TEST(CollectionSchema, IsReadAsItWasWritten) {
  const CollectionSchema schema{Type::kTimeseries,
                                std::string("\0\1uuid", 6),
                                bson(R"({"timeseries": {"timeField": "t"}})"),
                                {bson(R"({"key": {"a": 1}, "name": "a"})")}};
  EXPECT_EQ(CollectionSchema::decode(schema.encode()), schema);
  EXPECT_EQ(CollectionSchema::decode("nonsense"), std::nullopt);
  EXPECT_EQ(CollectionSchema::decode(""), std::nullopt);
}

TEST(CollectionSchema, ATtlThatChangesIsAnIndexThatIsBuiltAgain) {
  const CollectionSchema before{Type::kCollection,
                                std::string(16, 'a'),
                                bson("{}"),
                                {bson(R"({"key": {"a": 1}, "name": "a", "expireAfterSeconds": 5})")}};
  CollectionSchema now = before;
  EXPECT_TRUE(schema_events(kThings, &before, now, {1, 1}).empty());
  now.indexes = {bson(R"({"key": {"a": 1}, "name": "a", "expireAfterSeconds": 9})")};
  const auto events = schema_events(kThings, &before, now, {1, 1});
  ASSERT_EQ(events.size(), 1U);
  const auto ddl = parse_ddl_event(events[0]);
  ASSERT_TRUE(ddl.ok());
  EXPECT_EQ(ddl->type, DdlEvent::Type::kCreateIndexes);
  EXPECT_EQ(ddl->uuid, before.uuid);
  EXPECT_EQ(index_definitions(*ddl), now.indexes);
}

}  // namespace
}  // namespace dualsync
