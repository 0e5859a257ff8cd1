#include "dualsync/pipeline/restore_documents.h"

#include <gtest/gtest.h>

#include "support/bson_literal.h"
#include "support/fake_store.h"

namespace dualsync {
namespace {

const Namespace kSource{"backup", "bills"};
const Namespace kTarget{"shop", "bills"};
const Namespace kMarks{"shop", "__dualsync"};

std::string bill(int number, int value) {
  return test::bson(R"({"_id": )" + std::to_string(number) + R"(, "value": )" + std::to_string(value) + "}");
}

// Drops only, which is what a finished restore needs.
class DroppingSchema final : public SchemaWriter {
 public:
  explicit DroppingSchema(test::FakeServer& server) : server_(server) {}
  Result<void> create_collection(const Namespace&, std::string_view) override { return {}; }
  Result<void> create_index(const Namespace&, std::string_view) override { return {}; }
  Result<void> drop_index(const Namespace&, const std::string&) override { return {}; }
  Result<void> modify_collection(const Namespace&, std::string_view) override { return {}; }
  Result<void> rename(const Namespace&, const Namespace&, bool) override { return {}; }
  Result<void> drop(const Namespace& ns) override {
    server_.data.erase(ns);
    return {};
  }

 private:
  test::FakeServer& server_;
};

class Side final : public BackupSide {
 public:
  explicit Side(test::FakeServer& server) : server_(server) {}
  std::unique_ptr<DocumentReader> make_reader() override { return std::make_unique<test::FakeReader>(server_); }
  std::unique_ptr<BackupWriter> make_writer() override { return std::make_unique<test::FakeWriter>(server_); }
  std::unique_ptr<SchemaWriter> make_schema_writer() override { return std::make_unique<DroppingSchema>(server_); }

 private:
  test::FakeServer& server_;
};

class RestoreDocumentsTest : public ::testing::Test {
 protected:
  RestoreDocuments make(bool in_order = false) {
    return RestoreDocuments(source_side_, target_side_, {kSource, kTarget, in_order}, 2, [](std::uint64_t) {});
  }
  void fill(test::FakeServer& server, const Namespace& ns, int documents) {
    for (int i = 0; i < documents; ++i) server.put(ns, bill(i, i));
  }

  test::FakeServer source_;
  test::FakeServer target_;
  Side source_side_{source_};
  Side target_side_{target_};
};

TEST_F(RestoreDocumentsTest, SavesHowFarItIsWhileItCopies) {
  constexpr std::uint64_t kDocuments = 30'000;  // fifteen pages, of which the twelfth gets no answer
  fill(source_, kSource, static_cast<int>(kDocuments));
  std::uint64_t written = 0;
  RestoreDocuments restore(source_side_, target_side_, {kSource, kTarget, false}, 1, [&](std::uint64_t documents) {
    written += documents;
    if (written >= 22'000) target_.down = true;
  });
  const auto begun = restore.begin();
  ASSERT_TRUE(begun.ok());
  ASSERT_FALSE(restore.copy(*begun, {}).ok());
  target_.down = false;
  const auto unfinished = restore.unfinished();
  ASSERT_TRUE(unfinished.ok() && *unfinished);
  EXPECT_EQ((*unfinished)->ranges[0].last, id_key_of(bill(15'999, 0))) << "eight pages";
}

TEST_F(RestoreDocumentsTest, FillsAnEmptyTargetAndLeavesNothingOfItsOwn) {
  fill(source_, kSource, 2500);
  auto documents = make();
  EXPECT_FALSE(documents.unfinished()->has_value());
  auto progress = documents.begin();
  ASSERT_TRUE(progress.ok());
  EXPECT_TRUE(documents.unfinished()->has_value());
  ASSERT_TRUE(documents.copy(*progress, {}).ok());
  const auto counts = documents.prove({});
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts->documents, 2500U);
  EXPECT_EQ(counts->written, 2500U);
  EXPECT_EQ(target_.data[kTarget], source_.data[kSource]);
  ASSERT_TRUE(documents.finish().ok());
  EXPECT_FALSE(target_.data.contains(kMarks));
}

TEST_F(RestoreDocumentsTest, WritesOnlyWhatDiffers) {
  fill(source_, kSource, 100);
  fill(target_, kTarget, 100);
  target_.put(kTarget, bill(5, 99));
  target_.put(kTarget, bill(100, 1));
  target_.data[kTarget].erase(test::bson(R"({"_id": 7})"));
  const auto counts = make().prove({});
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts->written, 2U + 1U + 1U);  // replaced as delete and insert, removed, inserted
  EXPECT_EQ(target_.data[kTarget], source_.data[kSource]);
}

TEST_F(RestoreDocumentsTest, ADocumentThatTheTargetRefusesIsNoProof) {
  fill(source_, kSource, 10);
  target_.refused.insert(bill(3, 3));
  const auto counts = make().prove({});
  ASSERT_FALSE(counts.ok());
  EXPECT_EQ(counts.error().kind, ErrorKind::kRefused);
  EXPECT_NE(counts.error().message.find("1 documents still differ"), std::string::npos) << counts.error().message;
  EXPECT_NE(counts.error().message.find("refused by the fake"), std::string::npos) << counts.error().message;
}

// Each scan finds another value in the first document: a mirror that writes all the time.
class RestlessReader final : public test::FakeReader {
 public:
  explicit RestlessReader(test::FakeServer& server) : FakeReader(server), server_(server) {}
  Result<std::unique_ptr<DocumentCursor>> scan(const Namespace& ns, const IdRange& range) override {
    server_.put(ns, bill(0, ++value_));
    return FakeReader::scan(ns, range);
  }

 private:
  static inline int value_ = 1000;
  test::FakeServer& server_;
};

class RestlessSide final : public BackupSide {
 public:
  explicit RestlessSide(test::FakeServer& server) : server_(server) {}
  std::unique_ptr<DocumentReader> make_reader() override { return std::make_unique<RestlessReader>(server_); }
  std::unique_ptr<BackupWriter> make_writer() override { return nullptr; }
  std::unique_ptr<SchemaWriter> make_schema_writer() override { return nullptr; }

 private:
  test::FakeServer& server_;
};

TEST_F(RestoreDocumentsTest, ADocumentThatIsWrittenAllTheTimeIsProvenByItself) {
  fill(source_, kSource, 10);
  RestlessSide restless(source_);
  RestoreDocuments documents(restless, target_side_, {kSource, kTarget, false}, 1, [](std::uint64_t) {});
  auto counts = documents.prove({});
  ASSERT_TRUE(counts.ok()) << counts.error().message;
  EXPECT_EQ(target_.data[kTarget], source_.data[kSource]);
  // What the target does not take stays a difference, however often it is looked at.
  target_.data.clear();
  target_.refused.insert(bill(3, 3));
  counts = documents.prove({});
  ASSERT_FALSE(counts.ok());
  EXPECT_NE(counts.error().message.find("1 documents still differ"), std::string::npos) << counts.error().message;
}

TEST_F(RestoreDocumentsTest, ACappedTargetMayLackTheOldestOnly) {
  fill(source_, kSource, 10);
  for (int i = 4; i < 10; ++i) target_.put(kTarget, bill(i, i));
  auto counts = make(true).prove({});
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts->evicted, 4U);
  EXPECT_EQ(target_.data[kTarget].size(), 6U);
  target_.data[kTarget].erase(test::bson(R"({"_id": 6})"));
  counts = make(true).prove({});
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts->written, 1U);
  EXPECT_EQ(target_.data[kTarget].size(), 6U);
}

TEST_F(RestoreDocumentsTest, StopsWhenTold) {
  fill(source_, kSource, 10);
  auto documents = make();
  const auto progress = documents.begin();
  ASSERT_TRUE(progress.ok());
  std::stop_source stop;
  stop.request_stop();
  const auto copied = documents.copy(*progress, stop.get_token());
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().kind, ErrorKind::kStopped);
  EXPECT_TRUE(documents.unfinished()->has_value());
}

}  // namespace
}  // namespace dualsync
