// DocumentReader and SchemaWriter: what touches, copies and comparisons rely on.
#include <algorithm>
#include <set>

#include "contract/port_sides.h"

namespace dualsync::test {
namespace {

TEST_P(ReaderContract, FindsExactlyWhatIsAskedFor) {
  const std::vector<Item> there = {whole(Kind::kInsert, "1", R"("a":1)"), whole(Kind::kInsert, "2", R"("a":2)"),
                                   whole(Kind::kInsert, R"({"$numberLong":"3"})", R"("a":3)")};
  write(there);
  const auto now = reader_->cluster_time();
  ASSERT_TRUE(succeeds(now));
  const std::vector<std::string> keys = {id_key("1"), id_key("3"), id_key("4")};
  const std::vector<std::string_view> asked(keys.begin(), keys.end());
  std::multiset<std::string> found;
  const auto read =
      reader_->find_by_ids(ns(), asked, *now, [&](std::string_view document) { found.emplace(document); });
  ASSERT_TRUE(succeeds(read));
  EXPECT_GE(*read, *now);
  EXPECT_EQ(found, (std::multiset<std::string>{there[0].payload, there[2].payload}));
}

TEST_P(ReaderContract, FindsNothingInANamespaceThatIsNotThere) {
  const std::string key = id_key("1");
  const std::vector<std::string_view> asked = {key};
  int calls = 0;
  EXPECT_TRUE(succeeds(reader_->find_by_ids(ns("nothing"), asked, {}, [&](std::string_view) { ++calls; })));
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(scan(*reader_, ns("nothing")).empty());
  EXPECT_TRUE(*reader_->is_empty(ns("nothing")));
  EXPECT_EQ(*reader_->estimated_count(ns("nothing")), 0U);
  EXPECT_TRUE(reader_->list_indexes(ns("nothing"))->empty());
}

TEST_P(ReaderContract, AScanIsInTheOrderOfIds) {
  std::vector<std::string> expected;
  for (const int id : {5, -3, 12, 0, 7}) write_one(whole(Kind::kInsert, std::to_string(id), R"("a":1)"));
  for (const int id : {-3, 0, 5, 7, 12}) expected.push_back(bson("{\"_id\":" + std::to_string(id) + ",\"a\":1}"));
  EXPECT_EQ(scan(*reader_, ns()), expected);
}

TEST_P(ReaderContract, ARangeHoldsItsFirstIdAndNotItsLast) {
  for (int id = 1; id <= 9; ++id) write_one(whole(Kind::kInsert, std::to_string(id), R"("a":1)"));
  const auto ids_in = [&](const IdRange& range) { return scan(*reader_, ns(), range).size(); };
  EXPECT_EQ(ids_in({id_key("3"), id_key("6")}), 3U);
  EXPECT_EQ(ids_in({"", id_key("3")}), 2U);
  EXPECT_EQ(ids_in({id_key("9"), ""}), 1U);
  EXPECT_EQ(ids_in({"", ""}), 9U);
}

TEST_P(ReaderContract, CutsWithoutGapOrOverlap) {
  for (int id = 1; id <= 40; ++id) write_one(whole(Kind::kInsert, std::to_string(id), R"("a":1)"));
  const auto points = reader_->split_points(ns(), 4);
  ASSERT_TRUE(succeeds(points));
  EXPECT_LE(points->size(), 3U);
  std::vector<std::string> joined;
  for (std::size_t i = 0; i <= points->size(); ++i) {
    const IdRange range{i == 0 ? "" : (*points)[i - 1], i == points->size() ? "" : (*points)[i]};
    for (std::string& document : scan(*reader_, ns(), range)) joined.push_back(std::move(document));
  }
  EXPECT_EQ(joined, scan(*reader_, ns()));
}

// Each of these has another digest than the first, where there are digests.
TEST_P(ReaderContract, ADigestSeesEveryByte) {
  const std::vector<std::string> fields = {R"("a":1,"b":[{"c":{"$numberDouble":"1.5"}}])",
                                           R"("a":{"$numberLong":"1"},"b":[{"c":{"$numberDouble":"1.5"}}])",
                                           R"("a":{"$numberDouble":"1.0"},"b":[{"c":{"$numberDouble":"1.5"}}])",
                                           R"("a":2,"b":[{"c":{"$numberDouble":"1.5"}}])",
                                           R"("a":1,"b":[{"c":{"$numberDouble":"1.7"}}])",
                                           R"("a":1,"b":[{"c":{"$numberDouble":"1.5000000000000002"}}])",
                                           R"("a":1,"b":[{"c":{"$numberDecimal":"1.5"}}])",
                                           R"("a":1,"b":[{"c":{"$numberDecimal":"1.50"}}])",
                                           R"("a":1,"b":{"0":{"c":{"$numberDouble":"1.5"}}})",
                                           R"("b":[{"c":{"$numberDouble":"1.5"}}],"a":1)",
                                           R"("a":1,"b":[{"d":{"$numberDouble":"1.5"}}])",
                                           R"("a":true,"b":[{"c":{"$numberDouble":"1.5"}}])",
                                           R"("a":"1","b":[{"c":{"$numberDouble":"1.5"}}])"};
  std::vector<RangeDigest> digests;
  for (const std::string& text : fields) {
    write_one(whole(digests.empty() ? Kind::kInsert : Kind::kReplace, "1", text));
    for (const IdRange& range : {IdRange{}, IdRange{id_key("1"), id_key("2")}}) {
      const auto digest = reader_->digest(ns(), range);
      if (!digest && digest.error().kind == ErrorKind::kUnsupported) return;  // a server without; it is read instead
      ASSERT_TRUE(succeeds(digest));
      EXPECT_EQ(digest->documents, 1U);
      EXPECT_EQ(std::count(digests.begin(), digests.end(), *digest), range.min.empty() ? 0 : 1) << text;
      if (range.min.empty()) digests.push_back(*digest);
    }
  }
}

TEST_P(ReaderContract, DigestsOfRangesCoverTheWhole) {
  const std::vector<std::string> ids = {"null",       "-3",     R"({"$numberDouble":"0.5"})",
                                        "7",          R"("a")", R"("b")",
                                        R"({"x":1})", "true",   R"({"$date":{"$numberLong":"5"}})"};
  for (const std::string& id : ids) write_one(whole(Kind::kInsert, id, R"("a":1)"));
  const auto whole_of = reader_->digest(ns(), {});
  if (!whole_of && whole_of.error().kind == ErrorKind::kUnsupported) return;
  ASSERT_TRUE(succeeds(whole_of));
  EXPECT_EQ(whole_of->documents, ids.size());
  for (const std::string& bound : ids) {
    const auto below = reader_->digest(ns(), {"", id_key(bound)});
    const auto from = reader_->digest(ns(), {id_key(bound), ""});
    ASSERT_TRUE(succeeds(below));
    ASSERT_TRUE(succeeds(from));
    EXPECT_EQ(below->documents + from->documents, whole_of->documents) << bound;
    EXPECT_EQ(below->bytes + from->bytes, whole_of->bytes) << bound;
    EXPECT_EQ(below->low + from->low, whole_of->low) << bound;
    EXPECT_EQ(below->high + from->high, whole_of->high) << bound;
  }
}

TEST_P(ReaderContract, ListsWhatIsThere) {
  write_one(whole(Kind::kInsert, "1", R"("a":1)"));
  EXPECT_FALSE(*reader_->is_empty(ns()));
  EXPECT_EQ(*reader_->estimated_count(ns()), 1U);
  const auto databases = reader_->list_databases();
  ASSERT_TRUE(succeeds(databases));
  EXPECT_EQ(std::count(databases->begin(), databases->end(), ns().db), 1);
  const auto collections = reader_->list_collections(ns().db);
  ASSERT_TRUE(succeeds(collections));
  ASSERT_EQ(collections->size(), 1U);
  EXPECT_EQ(collections->front().ns, ns());
  EXPECT_EQ(collections->front().type, CollectionInfo::Type::kCollection);
  EXPECT_TRUE(reader_->list_collections("nothing")->empty());
  const auto indexes = reader_->list_indexes(ns());
  ASSERT_TRUE(succeeds(indexes));
  ASSERT_EQ(indexes->size(), 1U);
  bson_iter_t name;
  ASSERT_TRUE(find_field(indexes->front(), "name", &name));
  EXPECT_EQ(iter_string(name), "_id_");
}

TEST_P(ReaderContract, TimeDoesNotGoBack) {
  const auto before = reader_->cluster_time();
  ASSERT_TRUE(succeeds(before));
  write_one(whole(Kind::kInsert, "1", R"("a":1)"));
  const auto after = reader_->cluster_time();
  ASSERT_TRUE(succeeds(after));
  EXPECT_GE(*after, *before);
  EXPECT_TRUE(succeeds(reader_->ping()));
}

TEST_P(SchemaContract, ACollectionIsCreatedOnce) {
  EXPECT_TRUE(succeeds(schema_->create_collection(ns("d"), bson("{}"))));
  EXPECT_TRUE(succeeds(schema_->create_collection(ns("d"), bson("{}"))));
  EXPECT_EQ(reader_->list_collections(ns().db)->size(), 1U);
  EXPECT_TRUE(*reader_->is_empty(ns("d")));
}

TEST_P(SchemaContract, ARenameTakesTheDocumentsAlong) {
  const Item one = whole(Kind::kInsert, "1", R"("a":1)");
  write_one(one);
  ASSERT_TRUE(succeeds(schema_->rename(ns("c"), ns("d"), false)));
  EXPECT_TRUE(content().empty());
  EXPECT_EQ(scan(*reader_, ns("d")), std::vector<std::string>{one.payload});
  EXPECT_EQ(failure_of(schema_->rename(ns("c"), ns("e"), false)), ErrorKind::kNotFound);
}

TEST_P(SchemaContract, ARenameReplacesItsTargetOnlyIfAskedTo) {
  const Item one = whole(Kind::kInsert, "1", R"("a":1)");
  write_one(one);
  ASSERT_TRUE(succeeds(schema_->create_collection(ns("d"), bson("{}"))));
  EXPECT_FALSE(schema_->rename(ns("c"), ns("d"), false).ok());
  EXPECT_EQ(content(), std::vector<std::string>{one.payload});
  EXPECT_TRUE(succeeds(schema_->rename(ns("c"), ns("d"), true)));
  EXPECT_EQ(scan(*reader_, ns("d")), std::vector<std::string>{one.payload});
}

// Servers from 7.0 call a drop of what is not there a success.
TEST_P(SchemaContract, ADropRemovesAndMaySayThatNothingIsThere) {
  write_one(whole(Kind::kInsert, "1", R"("a":1)"));
  EXPECT_TRUE(succeeds(schema_->drop(ns("c"))));
  EXPECT_TRUE(content().empty());
  EXPECT_TRUE(reader_->list_collections(ns().db)->empty());
  const auto again = schema_->drop(ns("c"));
  EXPECT_TRUE(again.ok() || again.error().kind == ErrorKind::kNotFound);
}

}  // namespace
}  // namespace dualsync::test
