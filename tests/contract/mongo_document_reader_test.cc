#include <algorithm>
#include <map>
#include <set>

#include "mongo_fixture.h"

namespace dualsync::test {
namespace {

class DocumentReaderTest : public MongoTest {
 protected:
  void SetUp() override {
    MongoTest::SetUp();
    if (HasFatalFailure()) return;
    reader_ = local_->make_reader();
  }

  std::map<std::string, std::string> find(const std::vector<std::string>& keys, OpTime after = {}) {
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    std::map<std::string, std::string> found;
    const auto time = reader_->find_by_ids(ns("c"), views, after, [&](std::string_view document) {
      EXPECT_TRUE(found.emplace(id_text(document), document).second);
    });
    EXPECT_TRUE(is_ok(time));
    if (time.ok()) found_at_ = *time;
    return found;
  }

  std::unique_ptr<DocumentReader> reader_;
  OpTime found_at_;
};

// `_id` number i, of a type that depends on i. All of them differ.
std::string mixed_id(int i) {
  const std::string n = std::to_string(i);
  switch (i % 6) {
    case 0: return n;
    case 1: return "{\"$numberLong\": \"" + n + "\"}";
    case 2: return "\"text " + n + "\"";
    case 3: return "{\"region\": \"eu\", \"n\": " + n + "}";
    case 4: return "{\"$numberDouble\": \"" + n + ".5\"}";
    default: return "{\"$date\": {\"$numberLong\": \"" + n + "\"}}";
  }
}

TEST_F(DocumentReaderTest, FindsFiveThousandKeysOfMixedTypes) {
  std::vector<std::string> documents;
  std::vector<std::string> keys;
  for (int i = 0; i < 5000; ++i) {
    const std::string document = bson_of("{\"_id\": " + mixed_id(i) + ", \"v\": " + std::to_string(i) + "}");
    keys.push_back(key_of(document));
    if (i % 5 != 0) documents.push_back(document);
  }
  insert("c", documents);
  const auto found = find(keys);
  EXPECT_EQ(found.size(), documents.size());
  for (const std::string& document : documents) {
    const auto hit = found.find(id_text(document));
    ASSERT_NE(hit, found.end());
    EXPECT_EQ(hit->second, document);
  }
  EXPECT_FALSE(found_at_.is_null());
}

TEST_F(DocumentReaderTest, KeysThatFillMoreThanOneCommandAreFound) {
  const std::string padding(100 * 1024, 'p');
  std::vector<std::string> documents;
  std::vector<std::string> keys;
  for (int i = 0; i < 100; ++i) {
    documents.push_back(bson_of("{\"_id\": \"" + std::to_string(i) + padding + "\"}"));
    keys.push_back(key_of(documents.back()));
  }
  for (const std::string& document : documents) insert("c", {document});
  EXPECT_EQ(find(keys).size(), documents.size());
}

TEST_F(DocumentReaderTest, ReadsAtOrAfterAGivenTime) {
  insert("c", {bson_of(R"({"_id": 1})")});
  const auto now = reader_->cluster_time();
  ASSERT_TRUE(is_ok(now));
  EXPECT_EQ(find({bson_of(R"({"_id": 1})")}, *now).size(), 1U);
  EXPECT_GE(found_at_, *now);
}

TEST_F(DocumentReaderTest, NothingIsFoundWhereThereIsNothing) {
  EXPECT_TRUE(find({bson_of(R"({"_id": 1})")}).empty());
  EXPECT_TRUE(find({}).empty());
  EXPECT_TRUE(scan(*reader_, ns("nothing")).empty());
  EXPECT_TRUE(*reader_->is_empty(ns("nothing")));
  EXPECT_EQ(*reader_->estimated_count(ns("nothing")), 0U);
  EXPECT_TRUE(reader_->list_indexes(ns("nothing"))->empty());
  EXPECT_TRUE(reader_->list_collections(db_)->empty());
}

TEST_F(DocumentReaderTest, AKeyWithoutIdIsOurMistake) {
  const std::string key = bson_of(R"({"x": 1})");
  const std::vector<std::string_view> keys = {key};
  EXPECT_EQ(kind_of(reader_->find_by_ids(ns("c"), keys, {}, [](std::string_view) {})), ErrorKind::kInvalidArgument);
}

TEST_F(DocumentReaderTest, AScanIsInIdOrderAcrossTypes) {
  std::vector<std::string> documents;
  for (const char* id : {R"({"$date": {"$numberLong": "5"}})", R"("b")", "2", R"("a")", R"({"a": 1})", "null",
                         R"({"$numberDouble": "1.5"})", R"({"$oid": "5f00000000000000000000aa"})", R"(true)"}) {
    documents.push_back(bson_of(std::string("{\"_id\": ") + id + "}"));
  }
  insert("c", documents);
  std::vector<std::string> ids;
  for (const std::string& document : scan(*reader_, ns("c"))) ids.push_back(id_text(document));
  std::vector<std::string> expected;
  for (const char* id : {"null", R"({"$numberDouble": "1.5"})", "2", R"("a")", R"("b")", R"({"a": 1})",
                         R"({"$oid": "5f00000000000000000000aa"})", "true", R"({"$date": {"$numberLong": "5"}})"}) {
    expected.push_back(id_text(bson_of(std::string("{\"_id\": ") + id + "}")));
  }
  EXPECT_EQ(ids, expected);
}

TEST_F(DocumentReaderTest, RangesCutACollectionWithoutGapOrOverlap) {
  std::vector<std::string> documents;
  for (int i = 0; i < 3000; ++i) documents.push_back(bson_of("{\"_id\": " + mixed_id(i) + ", \"v\": 1}"));
  insert("c", documents);
  const std::vector<std::string> whole = scan(*reader_, ns("c"));
  EXPECT_EQ(whole.size(), documents.size());
  const auto points = reader_->split_points(ns("c"), 5);
  ASSERT_TRUE(is_ok(points));
  EXPECT_EQ(points->size(), 4U);
  std::vector<std::string> joined;
  for (std::size_t i = 0; i <= points->size(); ++i) {
    IdRange range;
    if (i > 0) range.min = (*points)[i - 1];
    if (i < points->size()) range.max = (*points)[i];
    const std::vector<std::string> part = scan(*reader_, ns("c"), range);
    EXPECT_GT(part.size(), whole.size() / 20) << i;
    joined.insert(joined.end(), part.begin(), part.end());
  }
  EXPECT_EQ(joined, whole);
}

TEST_F(DocumentReaderTest, SplittingLittleGivesNoMorePointsThanDocuments) {
  EXPECT_TRUE(reader_->split_points(ns("c"), 8)->empty());
  insert("c", {bson_of(R"({"_id": 1})"), bson_of(R"({"_id": 2})")});
  EXPECT_LE(reader_->split_points(ns("c"), 8)->size(), 2U);
  EXPECT_TRUE(reader_->split_points(ns("c"), 1)->empty());
}

TEST_F(DocumentReaderTest, OtherCallsMayComeBetweenTheStepsOfAScan) {
  std::vector<std::string> documents;
  for (int i = 0; i < 2500; ++i) documents.push_back(bson_of("{\"_id\": " + std::to_string(i) + "}"));
  insert("c", documents);
  auto cursor = reader_->scan(ns("c"), {});
  ASSERT_TRUE(is_ok(cursor));
  std::size_t count = 0;
  while (true) {
    const auto document = (*cursor)->next();
    ASSERT_TRUE(is_ok(document));
    if (document->empty()) break;
    EXPECT_EQ(*document, documents[count]);
    if (++count % 700 == 0) {
      EXPECT_FALSE(*reader_->is_empty(ns("c")));
    }
  }
  EXPECT_EQ(count, documents.size());
  auto unfinished = reader_->scan(ns("c"), {});
  EXPECT_TRUE(is_ok((*unfinished)->next()));
}

TEST_F(DocumentReaderTest, AViewIsReadWithoutAnIndex) {
  insert("c", {bson_of(R"({"_id": 2, "a": 1})"), bson_of(R"({"_id": 1, "a": 1})"), bson_of(R"({"_id": 3, "a": 2})")});
  run(R"({"create": "v", "viewOn": "c", "pipeline": [{"$match": {"a": 1}}]})");
  EXPECT_EQ(scan(*reader_, ns("v")),
            (std::vector<std::string>{bson_of(R"({"_id": 1, "a": 1})"), bson_of(R"({"_id": 2, "a": 1})")}));
}

TEST_F(DocumentReaderTest, ListsWhatIsThere) {
  insert("c", {bson_of(R"({"_id": 1})")});
  run(R"({"create": "v", "viewOn": "c", "pipeline": []})");
  run(R"({"createIndexes": "c", "indexes": [{"key": {"a": 1}, "name": "a_1", "unique": true}]})");
  const auto databases = reader_->list_databases();
  ASSERT_TRUE(is_ok(databases));
  EXPECT_NE(std::find(databases->begin(), databases->end(), db_), databases->end());
  const auto collections = reader_->list_collections(db_);
  ASSERT_TRUE(is_ok(collections));
  std::map<std::string, CollectionInfo> by_name;
  for (const CollectionInfo& info : *collections) by_name[info.ns.collection] = info;
  ASSERT_TRUE(by_name.contains("c") && by_name.contains("v"));
  EXPECT_EQ(by_name["c"].type, CollectionInfo::Type::kCollection);
  EXPECT_EQ(by_name["c"].uuid.size(), 16U);
  EXPECT_EQ(by_name["v"].type, CollectionInfo::Type::kView);
  EXPECT_EQ(text_field(by_name["v"].options, "viewOn"), "c");
  const auto indexes = reader_->list_indexes(ns("c"));
  ASSERT_TRUE(is_ok(indexes));
  std::set<std::string> names;
  for (const std::string& index : *indexes) names.insert(text_field(index, "name"));
  EXPECT_EQ(names, (std::set<std::string>{"_id_", "a_1"}));
  EXPECT_EQ(*reader_->estimated_count(ns("c")), 1U);
  EXPECT_FALSE(*reader_->is_empty(ns("c")));
}

TEST_F(DocumentReaderTest, KnowsTheServersTimes) {
  const auto before = reader_->cluster_time();
  ASSERT_TRUE(is_ok(before));
  insert("c", {bson_of(R"({"_id": 1})")});
  const auto after = reader_->cluster_time();
  ASSERT_TRUE(is_ok(after));
  EXPECT_GT(*after, *before);
  const auto window = reader_->oplog_window_seconds();
  ASSERT_TRUE(is_ok(window));
  EXPECT_GE(*window, 0);
  EXPECT_TRUE(is_ok(reader_->ping()));
}

}  // namespace
}  // namespace dualsync::test
