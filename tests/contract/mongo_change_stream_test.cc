// Tried on the embedded server, whose tokens are not mongod's: what is said of mongod's tokens is tested in
// mongo_resume_token_test.cc and, on a real server, here as well.
#include <chrono>

#include "mongo_fixture.h"

namespace dualsync::test {
namespace {

// What the tests look at of an event.
struct Seen {
  std::string type;
  std::string id;
  bool operator==(const Seen&) const = default;
};

class ChangeStreamTest : public MongoTest {
 protected:
  std::unique_ptr<ChangeSource> make_source(bool whole_deployment = false, std::int32_t batch_size = 1000) {
    SourceOptions options;
    options.single_database = whole_deployment ? "" : db_;
    options.batch_size = batch_size;
    options.max_wait = std::chrono::milliseconds(300);
    return local_->make_change_source(options);
  }

  Seen see(std::string_view event) {
    Seen seen;
    seen.type = text_field(event, "operationType");
    const auto view = view_bson(event);
    bson_iter_t iter;
    if (bson_iter_init_find(&iter, &*view, "documentKey")) seen.id = id_text(*iter_document(iter));
    return seen;
  }

  // Reads until `count` events have come; position_ is that of the last batch.
  std::vector<Seen> read(ChangeSource& source, std::size_t count) {
    std::vector<Seen> events;
    for (int tries = 0; tries < 100 && events.size() < count; ++tries) {
      auto batch = source.next(std::stop_token());
      EXPECT_TRUE(is_ok(batch));
      if (!batch.ok()) break;
      EXPECT_GE(batch->position.time, position_.time);
      position_ = batch->position;
      for (const std::string_view event : batch->events) {
        // Whether an insert that creates its collection also gives a `create` depends on the server.
        if (!see_create_ && text_field(event, "operationType") == "create") continue;
        if (whole_ && text_field(namespace_of(event), "db") != db_) continue;
        events.push_back(see(event));
        last_event_ = event;
      }
    }
    return events;
  }

  std::string namespace_of(std::string_view event) {
    const auto view = view_bson(event);
    bson_iter_t iter;
    if (!bson_iter_init_find(&iter, &*view, "ns")) return BsonDoc().str();
    return std::string(iter_document(iter).value_or(""));
  }

  Seen change(const char* type, int id) { return {type, id_text(bson_of("{\"_id\": " + std::to_string(id) + "}"))}; }
  void insert_id(int id) { insert("c", {bson_of("{\"_id\": " + std::to_string(id) + "}")}); }

  Position position_;
  std::string last_event_;
  bool whole_ = false;
  bool see_create_ = false;
};

TEST_F(ChangeStreamTest, DeliversWhatHappensAfterOpening) {
  insert_id(0);
  const auto source = make_source();
  const auto start = source->open({});
  ASSERT_TRUE(is_ok(start));
  EXPECT_FALSE(start->empty());
  EXPECT_FALSE(start->time.is_null());
  EXPECT_FALSE(start->replica_set.empty());
  insert_id(1);
  run(R"({"update": "c", "updates": [{"q": {"_id": 1}, "u": {"$set": {"a": 1}}}]})");
  run(R"({"delete": "c", "deletes": [{"q": {"_id": 1}, "limit": 1}]})");
  EXPECT_EQ(read(*source, 3), (std::vector<Seen>{change("insert", 1), change("update", 1), change("delete", 1)}));
}

TEST_F(ChangeStreamTest, TheWholeDeploymentIsOneStream) {
  whole_ = true;
  const auto source = make_source(true);
  ASSERT_TRUE(is_ok(source->open({})));
  insert_id(1);
  EXPECT_EQ(read(*source, 1), std::vector<Seen>{change("insert", 1)});
}

TEST_F(ChangeStreamTest, GoesOnAfterAPositionWithoutGapOrRepetition) {
  insert_id(0);
  auto source = make_source(false, 2);
  ASSERT_TRUE(is_ok(source->open({})));
  for (int i = 1; i <= 5; ++i) insert_id(i);
  const auto batch = source->next(std::stop_token());
  ASSERT_TRUE(is_ok(batch));
  ASSERT_FALSE(batch->events.empty());
  const std::size_t first = batch->events.size();
  EXPECT_LE(first, 2U);
  const Position saved = batch->position;
  source = make_source();
  const auto start = source->open(saved);
  ASSERT_TRUE(is_ok(start));
  EXPECT_EQ(start->token, saved.token);
  const std::vector<Seen> rest = read(*source, 5 - first);
  ASSERT_EQ(rest.size(), 5 - first);
  for (std::size_t i = 0; i < rest.size(); ++i) EXPECT_EQ(rest[i], change("insert", static_cast<int>(first + i + 1)));
}

TEST_F(ChangeStreamTest, AnEmptyBatchMovesThePositionUpToNow) {
  insert_id(0);
  const auto source = make_source();
  ASSERT_TRUE(is_ok(source->open({})));
  insert_id(1);
  const auto now = local_->make_reader()->cluster_time();
  ASSERT_TRUE(is_ok(now));
  EXPECT_EQ(read(*source, 1).size(), 1U);
  // On a real server an idle stream follows the oplog's no-ops, which come every ten seconds.
  for (int tries = 0; tries < 60 && position_.time < *now; ++tries) {
    const auto batch = source->next(std::stop_token());
    ASSERT_TRUE(is_ok(batch));
    position_ = batch->position;
  }
  EXPECT_GE(position_.time, *now);
}

TEST_F(ChangeStreamTest, ThePositionNeverRunsAheadOfTheEvents) {
  insert_id(0);
  const auto source = make_source(false, 3);
  ASSERT_TRUE(is_ok(source->open({})));
  for (int i = 1; i <= 30; ++i) insert_id(i);
  int expected = 1;
  while (expected <= 30) {
    const auto batch = source->next(std::stop_token());
    ASSERT_TRUE(is_ok(batch));
    OpTime last;
    for (const std::string_view event : batch->events) {
      EXPECT_EQ(see(event), change("insert", expected++));
      last = timestamp_at(*view_bson(event), "clusterTime");
    }
    if (expected <= 30 && !batch->events.empty()) {
      EXPECT_LE(batch->position.time, last);
    }
  }
}

TEST_F(ChangeStreamTest, SchemaChangesAreExpandedEvents) {
  insert_id(0);
  const auto source = make_source();
  ASSERT_TRUE(is_ok(source->open({})));
  see_create_ = true;
  run(R"({"create": "d"})");
  run(R"({"createIndexes": "d", "indexes": [{"key": {"a": 1}, "name": "a_1"}]})");
  run(R"({"dropIndexes": "d", "index": "a_1"})");
  run(R"({"drop": "d"})");
  std::vector<std::string> types;
  for (const Seen& seen : read(*source, 4)) types.push_back(seen.type);
  EXPECT_EQ(types, (std::vector<std::string>{"create", "createIndexes", "dropIndexes", "drop"}));
}

TEST_F(ChangeStreamTest, GoesOnAfterTheDatabaseWasDropped) {
  insert_id(0);
  auto source = make_source();
  ASSERT_TRUE(is_ok(source->open({})));
  run(R"({"dropDatabase": 1})");
  std::string type;
  for (int tries = 0; tries < 20 && type != "invalidate"; ++tries) {
    for (const Seen& seen : read(*source, 1)) type = seen.type;
  }
  ASSERT_EQ(type, "invalidate");
  EXPECT_TRUE(position_.after_invalidate);
  const Position saved = position_;
  insert_id(7);
  // The same source goes on by itself, and a new one goes on from the saved position.
  EXPECT_EQ(read(*source, 1), std::vector<Seen>{change("insert", 7)});
  EXPECT_FALSE(position_.after_invalidate);
  source = make_source();
  ASSERT_TRUE(is_ok(source->open(saved)));
  position_ = saved;
  EXPECT_EQ(read(*source, 1), std::vector<Seen>{change("insert", 7)});
}

// A server may then close the stream in its opening answer, and the events come in that one.
TEST_F(ChangeStreamTest, GoesOnFromBeforeTheDatabaseWasDroppedTwice) {
  insert_id(0);
  auto source = make_source(false, 2);
  ASSERT_TRUE(is_ok(source->open({})));
  insert_id(1);
  ASSERT_EQ(read(*source, 1).size(), 1U);
  for (int round = 1; round <= 2; ++round) {
    for (int number = 0; number < 5; ++number) insert_id(round * 10 + number);
    run(R"({"dropDatabase": 1})");
  }
  insert_id(30);
  source = make_source(false, 2);
  ASSERT_TRUE(is_ok(source->open(position_)));
  std::vector<Seen> inserts;
  for (int tries = 0; tries < 100 && (inserts.empty() || inserts.back() != change("insert", 30)); ++tries) {
    for (const Seen& seen : read(*source, 1)) {
      if (seen.type == "insert") inserts.push_back(seen);
    }
  }
  std::vector<Seen> expected;
  for (const int id : {10, 11, 12, 13, 14, 20, 21, 22, 23, 24, 30}) expected.push_back(change("insert", id));
  EXPECT_EQ(inserts, expected);
}

TEST_F(ChangeStreamTest, ManyEventsComeInBatches) {
  insert_id(0);
  const auto source = make_source();
  ASSERT_TRUE(is_ok(source->open({})));
  std::vector<std::string> documents;
  for (int i = 1; i <= 3500; ++i) documents.push_back(bson_of("{\"_id\": " + std::to_string(i) + "}"));
  insert("c", documents);
  EXPECT_EQ(read(*source, 3500).size(), 3500U);
}

TEST_F(ChangeStreamTest, APositionThatTheServerDoesNotKnowIsLost) {
  Position position;
  position.token = bson_of(R"({"_data": "this is no token"})");
  const auto source = make_source();
  EXPECT_EQ(kind_of(source->open(position)), ErrorKind::kPositionLost);
}

TEST_F(ChangeStreamTest, StopsWhenAskedAndRefusesToBeReadUnopened) {
  const auto source = make_source();
  EXPECT_EQ(kind_of(source->next(std::stop_token())), ErrorKind::kInvalidArgument);
  ASSERT_TRUE(is_ok(source->open({})));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(kind_of(source->next(stop.get_token())), ErrorKind::kStopped);
  source->close();
  source->close();
}

}  // namespace
}  // namespace dualsync::test
