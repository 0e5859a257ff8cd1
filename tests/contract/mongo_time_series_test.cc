// Time series on a server, which has them from MongoDB 5.0 on. Removing single measurements: from 7.0 on.
#include "dualsync/codec/measurement.h"
#include "mongo_fixture.h"

namespace dualsync::test {
namespace {

std::string measured(int at, int id, int v) {
  return bson_of("{\"at\":{\"$date\":{\"$numberLong\":\"" + std::to_string(at) + "\"}},\"_id\":" + std::to_string(id) +
                 ",\"m\":{\"a\":\"x\"},\"v\":" + std::to_string(v) + "}");
}

class TimeSeriesTest : public MongoTest {
 protected:
  void SetUp() override {
    MongoTest::SetUp();
    if (HasFatalFailure()) return;
    const std::string version = text_field(run_on_backup(R"({"buildInfo": 1})", "admin"), "version");
    if (version.starts_with("4.")) GTEST_SKIP() << "MongoDB " << version << " has no time series";
    run_on_backup(R"({"create": "readings", "timeseries": {"timeField": "at", "metaField": "m"}})");
    writer_ = backup_->make_writer(WriterOptions{});
    reader_ = backup_->make_reader();
  }
  void insert(const std::vector<std::string>& measurements) {
    std::vector<WriteItem> items;
    for (const std::string& one : measurements) items.push_back({WriteItem::Kind::kInsert, {}, one});
    const auto outcomes = writer_->write(ns("readings"), items);
    ASSERT_TRUE(is_ok(outcomes));
    for (const WriteOutcome& outcome : *outcomes) EXPECT_TRUE(outcome.ok) << outcome.error.message;
  }
  std::vector<std::string> content() {
    std::vector<std::string> all;
    auto cursor = reader_->scan_by_time(ns("readings"), "at");
    EXPECT_TRUE(is_ok(cursor));
    while (cursor.ok()) {
      const auto document = (*cursor)->next();
      EXPECT_TRUE(is_ok(document));
      if (!document.ok() || document->empty()) break;
      all.push_back(canonical_measurement(*document));
    }
    return all;
  }
  static std::vector<std::string> canonical(std::vector<std::string> all) {
    for (std::string& one : all) one = canonical_measurement(one);
    return all;
  }

  std::unique_ptr<BackupWriter> writer_;
  std::unique_ptr<DocumentReader> reader_;
};

TEST_F(TimeSeriesTest, IsListedAsSuchWithItsField) {
  const auto collections = reader_->list_collections(db_);
  ASSERT_TRUE(is_ok(collections));
  for (const CollectionInfo& info : *collections) {
    if (info.ns.collection != "readings") continue;
    EXPECT_EQ(info.type, CollectionInfo::Type::kTimeseries);
    EXPECT_EQ(time_field_of(info.options), "at");
    return;
  }
  FAIL() << "it is not listed";
}

TEST_F(TimeSeriesTest, AScanIsInTheOrderOfTime) {
  insert({measured(3000, 1, 1), measured(1000, 2, 2), measured(2000, 3, 3)});
  insert({measured(1500, 4, 4)});
  EXPECT_EQ(content(),
            canonical({measured(1000, 2, 2), measured(1500, 4, 4), measured(2000, 3, 3), measured(3000, 1, 1)}));
}

TEST_F(TimeSeriesTest, RemovesAllThatHoldAKeyAndNothingElse) {
  insert({measured(1000, 1, 1), measured(1000, 2, 2), measured(2000, 1, 3)});
  const std::vector<std::string> keys = {measurement_key(measured(1000, 1, 9), "at"),
                                         measurement_key(measured(5000, 1, 9), "at")};
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  const Result<void> removed = writer_->remove_all(ns("readings"), views);
  if (!removed.ok() && removed.error().kind == ErrorKind::kRefused) GTEST_SKIP() << removed.error().message;
  ASSERT_TRUE(is_ok(removed));
  EXPECT_EQ(content(), canonical({measured(1000, 2, 2), measured(2000, 1, 3)}));
  insert({measured(1000, 1, 1)});
  EXPECT_EQ(content().size(), 3U) << "a write behind it is numbered as before";
}

TEST_F(TimeSeriesTest, AThousandKeysAtOnce) {
  std::vector<std::string> all;
  std::vector<std::string> keys;
  for (int i = 0; i < 1200; ++i) {
    all.push_back(measured(1000 + i, i, i));
    if (i % 2 == 0) keys.push_back(measurement_key(all.back(), "at"));
  }
  insert(all);
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  const Result<void> removed = writer_->remove_all(ns("readings"), views);
  if (!removed.ok() && removed.error().kind == ErrorKind::kRefused) GTEST_SKIP() << removed.error().message;
  ASSERT_TRUE(is_ok(removed));
  EXPECT_EQ(content().size(), 600U);
}

}  // namespace
}  // namespace dualsync::test
