// Tried on the embedded server; what it takes more easily than mongod is said at the test.
#include "dualsync/mongo/client_session.h"
#include "dualsync/mongo/write_command.h"
#include "mongo_fixture.h"

namespace dualsync::test {
namespace {

using Kind = WriteItem::Kind;

class BackupWriterTest : public MongoTest {
 protected:
  void SetUp() override {
    MongoTest::SetUp();
    if (HasFatalFailure()) return;
    writer_ = backup_->make_writer(WriterOptions{});
    reader_ = backup_->make_reader();
  }

  std::vector<WriteOutcome> write(const std::vector<WriteItem>& items) {
    auto outcomes = writer_->write(ns("c"), items);
    EXPECT_TRUE(is_ok(outcomes));
    return outcomes.ok() ? std::move(outcomes).value() : std::vector<WriteOutcome>(items.size());
  }
  WriteOutcome write_one(Kind kind, const std::string& document) {
    const std::string key = key_of(document);
    return write({WriteItem{kind, key, kind == Kind::kDelete ? std::string_view() : std::string_view(document)}})[0];
  }
  WriteOutcome write_delta(const std::string& key, const std::string& change) {
    return write({WriteItem{Kind::kDelta, key, change}})[0];
  }
  std::vector<std::string> content() { return scan(*reader_, ns("c")); }

  std::unique_ptr<BackupWriter> writer_;
  std::unique_ptr<DocumentReader> reader_;
};

TEST_F(BackupWriterTest, AnInsertThatIsThereAlreadyIsADuplicateOnId) {
  const std::string document = bson_of(R"({"_id": 1, "a": 1})");
  EXPECT_TRUE(write_one(Kind::kInsert, document).ok);
  const WriteOutcome again = write_one(Kind::kInsert, document);
  EXPECT_FALSE(again.ok);
  EXPECT_TRUE(again.duplicate_id);
  EXPECT_EQ(again.error.kind, ErrorKind::kDuplicateKey);
  EXPECT_EQ(content(), std::vector<std::string>{document});
  EXPECT_GT(writer_->bytes_sent(), document.size());
}

TEST_F(BackupWriterTest, ADuplicateOnAnotherUniqueIndexIsNoDuplicateOnId) {
  run_on_backup(R"({"createIndexes": "c", "indexes": [{"key": {"mail": 1}, "name": "mail_1", "unique": true}]})");
  EXPECT_TRUE(write_one(Kind::kInsert, bson_of(R"({"_id": 1, "mail": "planted@example.net"})")).ok);
  for (const Kind kind : {Kind::kInsert, Kind::kReplace}) {
    const WriteOutcome other = write_one(kind, bson_of(R"({"_id": 2, "mail": "planted@example.net"})"));
    EXPECT_EQ(other.error.kind, ErrorKind::kDuplicateKey);
    EXPECT_FALSE(other.duplicate_id);
    EXPECT_EQ(other.error.message.find("planted"), std::string::npos) << other.error.message;
    EXPECT_NE(other.error.message.find("mail"), std::string::npos) << other.error.message;
    EXPECT_EQ(other.collision, bson_of(R"({"mail": "planted@example.net"})"));  // servers from 4.4 say it
  }
}

TEST_F(BackupWriterTest, DocumentsThatSwapUniqueValuesAreWrittenTogether) {
  run_on_backup(R"({"createIndexes": "c", "indexes": [{"key": {"a": 1, "b": 1}, "name": "ab", "unique": true}]})");
  EXPECT_TRUE(write_one(Kind::kInsert, bson_of(R"({"_id": 1, "a": "x", "b": {"$numberLong": "1"}})")).ok);
  EXPECT_TRUE(write_one(Kind::kInsert, bson_of(R"({"_id": 2, "a": "y"})")).ok);
  const WriteOutcome stuck = write_one(Kind::kReplace, bson_of(R"({"_id": 1, "a": "y"})"));
  ASSERT_FALSE(stuck.ok);
  const auto in_the_way = writer_->find_equal(ns("c"), stuck.collision);
  ASSERT_TRUE(is_ok(in_the_way));
  EXPECT_EQ(*in_the_way, std::vector<std::string>{bson_of(R"({"_id": 2})")});

  const std::string one = bson_of(R"({"_id": 1, "a": "y"})");
  const std::string two = bson_of(R"({"_id": 2, "a": "x", "b": {"$numberLong": "1"}})");
  const std::string key_one = key_of(one);
  const std::string key_two = key_of(two);
  const std::vector<WriteItem> items = {{Kind::kDelete, key_one, {}},
                                        {Kind::kDelete, key_two, {}},
                                        {Kind::kInsert, key_one, one},
                                        {Kind::kInsert, key_two, two}};
  const auto outcomes = writer_->write_atomically(ns("c"), items);
  ASSERT_TRUE(is_ok(outcomes));
  for (const WriteOutcome& outcome : *outcomes) EXPECT_TRUE(outcome.ok) << outcome.error.message;
  EXPECT_EQ(content(), (std::vector<std::string>{one, two}));
}

TEST_F(BackupWriterTest, AnAtomicWriteThatFailsChangesNothingAndTheLaneGoesOn) {
  run_on_backup(R"({"createIndexes": "c", "indexes": [{"key": {"a": 1}, "name": "a", "unique": true}]})");
  const std::string one = bson_of(R"({"_id": 1, "a": 1})");
  const std::string two = bson_of(R"({"_id": 2, "a": 2})");
  EXPECT_TRUE(write_one(Kind::kInsert, one).ok);
  EXPECT_TRUE(write_one(Kind::kInsert, two).ok);
  const std::string changed = bson_of(R"({"_id": 1, "a": 2})");
  const std::string key = key_of(one);
  const std::vector<WriteItem> items = {{Kind::kDelete, key, {}}, {Kind::kInsert, key, changed}};
  const auto outcomes = writer_->write_atomically(ns("c"), items);
  ASSERT_TRUE(is_ok(outcomes));
  EXPECT_TRUE((*outcomes)[0].ok);
  EXPECT_FALSE((*outcomes)[1].ok);
  EXPECT_EQ((*outcomes)[1].error.kind, ErrorKind::kDuplicateKey);
  EXPECT_EQ((*outcomes)[1].collision, bson_of(R"({"a": 2})"));
  EXPECT_EQ(content(), (std::vector<std::string>{one, two}));
  EXPECT_TRUE(write_one(Kind::kReplace, bson_of(R"({"_id": 1, "a": 3})")).ok);
}

TEST_F(BackupWriterTest, AReplaceSaysWhetherItInserted) {
  EXPECT_TRUE(write_one(Kind::kReplace, bson_of(R"({"_id": 1, "a": 1})")).upserted);
  const WriteOutcome again = write_one(Kind::kReplace, bson_of(R"({"_id": 1, "a": {"$numberLong": "2"}})"));
  EXPECT_TRUE(again.ok);
  EXPECT_FALSE(again.upserted);
  EXPECT_EQ(content(), std::vector<std::string>{bson_of(R"({"_id": 1, "a": {"$numberLong": "2"}})")});
}

TEST_F(BackupWriterTest, KeysThatLookLikeQueriesAreTakenAsTheyAre) {
  for (const char* id : {R"({"a": 1, "b": {"c": 2}})", R"("x")", R"({"$oid": "5f00000000000000000000aa"})", R"(null)",
                         R"({"$numberDecimal": "1.50"})", R"({"$binary": {"base64": "AAE=", "subType": "04"}})"}) {
    const std::string document = bson_of(std::string(R"({"_id": )") + id + R"(, "v": 1})");
    EXPECT_TRUE(write_one(Kind::kReplace, document).ok) << id;
    EXPECT_EQ(content(), std::vector<std::string>{document}) << id;
    EXPECT_TRUE(write_one(Kind::kDelete, document).ok) << id;
    EXPECT_TRUE(content().empty()) << id;
  }
}

TEST_F(BackupWriterTest, ADeltaChangesOnlyWhatExists) {
  const std::string document = bson_of(R"({"_id": 1, "a": {"b": 1}, "gone": 2, "z": 3})");
  const std::string key = key_of(document);
  EXPECT_TRUE(write_one(Kind::kInsert, document).ok);
  EXPECT_TRUE(write_delta(key, bson_of(R"({"updatedFields": {"a.b": "new"}, "removedFields": ["gone"]})")).ok);
  EXPECT_EQ(content(), std::vector<std::string>{bson_of(R"({"_id": 1, "a": {"b": "new"}, "z": 3})")});
  EXPECT_TRUE(write_delta(key, bson_of(R"({"updatedFields": {}, "removedFields": []})")).ok);
}

TEST_F(BackupWriterTest, ADeltaWithoutMatchIsHealed) {
  EXPECT_TRUE(write_one(Kind::kInsert, bson_of(R"({"_id": 1, "a": 1})")).ok);
  const std::string change = bson_of(R"({"updatedFields": {"new": 1}, "removedFields": []})");
  EXPECT_EQ(write_delta(bson_of(R"({"_id": 1})"), change).error.kind, ErrorKind::kHeal);
  EXPECT_EQ(write_delta(bson_of(R"({"_id": 2})"), change).error.kind, ErrorKind::kHeal);
  EXPECT_EQ(content(), std::vector<std::string>{bson_of(R"({"_id": 1, "a": 1})")});
}

TEST_F(BackupWriterTest, ADeltaAcrossAValueIsHealed) {
  EXPECT_TRUE(write_one(Kind::kInsert, bson_of(R"({"_id": 1, "a": 1, "x": [1, 2]})")).ok);
  const std::string change = bson_of(R"({"updatedFields": {"a.b": 1}, "removedFields": []})");
  EXPECT_EQ(write_delta(bson_of(R"({"_id": 1})"), change).error.kind, ErrorKind::kHeal);
}

TEST_F(BackupWriterTest, DeletingWhatIsNotThereIsASuccess) {
  EXPECT_TRUE(write_one(Kind::kDelete, bson_of(R"({"_id": 99})")).ok);
}

TEST_F(BackupWriterTest, OneCallMixesAllKinds) {
  std::vector<std::string> documents;
  for (int i = 0; i < 300; ++i) documents.push_back(bson_of("{\"_id\": " + std::to_string(i) + ", \"a\": 1}"));
  std::vector<std::string> keys;
  for (const std::string& document : documents) keys.push_back(key_of(document));
  const std::string change = bson_of(R"({"updatedFields": {"a": 2}, "removedFields": []})");
  std::vector<WriteItem> first;
  for (std::size_t i = 0; i < 200; ++i) first.push_back({Kind::kInsert, keys[i], documents[i]});
  for (const WriteOutcome& outcome : write(first)) EXPECT_TRUE(outcome.ok);
  std::vector<WriteItem> second;
  for (std::size_t i = 0; i < 300; ++i) {
    if (i < 50) second.push_back({Kind::kDelete, keys[i], ""});
    if (i >= 50 && i < 100) second.push_back({Kind::kDelta, keys[i], change});
    if (i >= 100 && i < 150) second.push_back({Kind::kReplace, keys[i], documents[i]});
    if (i >= 190) second.push_back({Kind::kInsert, keys[i], documents[i]});
  }
  const std::vector<WriteOutcome> outcomes = write(second);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const bool duplicate = second[i].kind == Kind::kInsert && i < 160;  // documents 190 to 199 are there
    EXPECT_EQ(outcomes[i].ok, !duplicate) << i;
    EXPECT_EQ(outcomes[i].duplicate_id, duplicate) << i;
  }
  EXPECT_EQ(content().size(), 250U);
}

TEST_F(BackupWriterTest, ADocumentOfExactly16MiBFits) {
  constexpr std::size_t kLargest = 16U * 1024 * 1024;
  BsonDoc document;
  BSON_APPEND_INT32(document.get(), "_id", 1);
  const std::string text(kLargest - document.bytes().size() - 11, 'x');  // 11: type, "text\0", length, '\0'
  BSON_APPEND_UTF8(document.get(), "text", text.c_str());
  ASSERT_EQ(document.bytes().size(), kLargest);
  EXPECT_TRUE(write_one(Kind::kInsert, document.str()).ok);
  EXPECT_TRUE(write_one(Kind::kReplace, document.str()).ok);
  EXPECT_EQ(content(), std::vector<std::string>{document.str()});
}

TEST_F(BackupWriterTest, MoreThanOneCommandHoldsIsCut) {
  const std::string text(1024 * 1024, 'y');
  std::vector<std::string> documents;
  for (int i = 0; i < 40; ++i)
    documents.push_back(bson_of("{\"_id\": " + std::to_string(i) + ", \"t\": \"" + text + "\"}"));
  std::vector<std::string> keys;
  std::vector<WriteItem> items;
  for (const std::string& document : documents) keys.push_back(key_of(document));
  for (std::size_t i = 0; i < documents.size(); ++i) items.push_back({Kind::kInsert, keys[i], documents[i]});
  for (const WriteOutcome& outcome : write(items)) EXPECT_TRUE(outcome.ok);
  EXPECT_EQ(content(), documents);
}

TEST_F(BackupWriterTest, ValidationIsBypassedOrRefusesOneDocumentAlone) {
  run_on_backup(R"({"create": "c", "validator": {"a": {"$type": "int"}}})");
  EXPECT_TRUE(write_one(Kind::kInsert, bson_of(R"({"_id": 1, "a": "text"})")).ok);
  writer_ = backup_->make_writer(WriterOptions{false});
  const std::string good = bson_of(R"({"_id": 2, "a": 1})");
  const std::string bad = bson_of(R"({"_id": 3, "a": "text"})");
  const std::string good_key = key_of(good);
  const std::string bad_key = key_of(bad);
  const auto outcomes = write({{Kind::kInsert, bad_key, bad}, {Kind::kInsert, good_key, good}});
  EXPECT_EQ(outcomes[0].error.kind, ErrorKind::kRefused);
  EXPECT_EQ(outcomes[0].error.code, 121);
  EXPECT_TRUE(outcomes[1].ok);
}

TEST_F(BackupWriterTest, ZeroTimestampsArriveAsTheyAre) {
  const std::string document = bson_of(R"({"_id": 1, "t": {"$timestamp": {"t": 0, "i": 0}}})");
  EXPECT_TRUE(write_one(Kind::kInsert, document).ok);
  EXPECT_TRUE(write_one(Kind::kReplace, document).ok);
  // The embedded server takes the option that asks for it, and ignores it.
  if (!on_embedded_server()) {
    EXPECT_EQ(content(), std::vector<std::string>{document});
  }
}

TEST_F(BackupWriterTest, ReadsOverItsOwnConnection) {
  const std::string document = bson_of(R"({"_id": 1, "a": 1})");
  EXPECT_TRUE(write_one(Kind::kInsert, document).ok);
  EXPECT_EQ(scan(writer_->reader(), ns("c")), std::vector<std::string>{document});
  EXPECT_TRUE(write_one(Kind::kDelete, document).ok);
  EXPECT_TRUE(*writer_->reader().is_empty(ns("c")));
}

// What a batch does that timed out here and reaches the server after its successor.
TEST_F(BackupWriterTest, ABatchThatArrivesAfterItsSuccessorIsRefused) {
  const auto update = [&](int value, BsonDoc* command) {
    const std::string collection = "c";
    const std::string document = bson_of("{\"_id\": 1, \"n\": " + std::to_string(value) + "}");
    const std::string key = key_of(document);
    const std::vector<WriteItem> items = {{Kind::kReplace, key, document}};
    const std::vector<std::size_t> chosen = {0};
    ASSERT_TRUE(is_ok(build_write(WriteBuild{Kind::kReplace, &collection, items, chosen, 1000, {}}, command)));
  };
  UriPtr uri(mongoc_uri_new(backup_uri().c_str()));
  ClientSession session(std::make_shared<ClientPool>(std::move(uri), 1, "backup"));
  BsonDoc late;
  BsonDoc next;
  BsonDoc reply;
  update(1, &late);
  update(2, &next);
  ASSERT_TRUE(is_ok(session.write(db_, &late, "first", &reply)));
  ASSERT_TRUE(is_ok(session.write(db_, &next, "second", &reply)));
  const auto server = session.select_primary();
  ASSERT_TRUE(is_ok(server));
  // The same bytes, transaction number included.
  const auto again = session.run(*server, db_, late, ErrorPlace::kDocumentWrite, "late", &reply);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, 225) << again.error().message;  // TransactionTooOld
  EXPECT_EQ(content(), std::vector<std::string>{bson_of(R"({"_id": 1, "n": 2})")});
}

TEST_F(BackupWriterTest, WhatArrivesAfterAWriteThatChangesNothingIsRefusedToo) {
  const auto update = [&](int value, BsonDoc* command) {
    const std::string collection = "c";
    const std::string document = bson_of("{\"_id\": 1, \"n\": " + std::to_string(value) + "}");
    const std::string key = key_of(document);
    const std::vector<WriteItem> items = {{Kind::kReplace, key, document}};
    const std::vector<std::size_t> chosen = {0};
    ASSERT_TRUE(is_ok(build_write(WriteBuild{Kind::kReplace, &collection, items, chosen, 1000, {}}, command)));
  };
  UriPtr uri(mongoc_uri_new(backup_uri().c_str()));
  ClientSession session(std::make_shared<ClientPool>(std::move(uri), 1, "backup"));
  BsonDoc late;
  BsonDoc next;
  BsonDoc reply;
  update(1, &late);
  build_no_change("c", &next);
  ASSERT_TRUE(is_ok(session.write(db_, &late, "first", &reply)));
  ASSERT_TRUE(is_ok(session.write(db_, &next, "second", &reply)));
  const auto server = session.select_primary();
  ASSERT_TRUE(is_ok(server));
  // The same bytes, transaction number included.
  const auto again = session.run(*server, db_, late, ErrorPlace::kDocumentWrite, "late", &reply);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, 225) << again.error().message;  // TransactionTooOld
  EXPECT_EQ(content(), std::vector<std::string>{bson_of(R"({"_id": 1, "n": 1})")});
}

TEST_F(BackupWriterTest, OneLaneStaysInOneSessionForManyCalls) {
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(write_one(Kind::kReplace, bson_of("{\"_id\": 1, \"n\": " + std::to_string(i) + "}")).ok);
  }
  EXPECT_EQ(content(), std::vector<std::string>{bson_of(R"({"_id": 1, "n": 49})")});
}

}  // namespace
}  // namespace dualsync::test
