#include "dualsync/pipeline/comparer.h"

#include <gtest/gtest.h>

#include "support/fake_store.h"
#include "support/names.h"
#include "support/queue_fixture.h"

namespace dualsync {
namespace {

using test::document;

TEST(Comparer, NamesEveryKindOfDifferenceOnce) {
  test::FakeServer local;
  test::FakeServer backup;
  for (int i = 0; i < 10; ++i) {
    local.put(kBills, document(std::to_string(i), i));
    backup.put(kBills, document(std::to_string(i), i));
  }
  local.put(kBills, document("\"only here\"", 1));
  backup.put(kBills, document("-1", 1));
  backup.put(kBills, document("5", 99));
  test::FakeReader l(local);
  test::FakeReader b(backup);
  std::vector<std::string> found;
  const auto counts = compare_namespace(
      l, kBills, b, kBills, {}, {},
      [&](const FoundDifference& difference) {
        found.push_back(std::string(to_string(difference.kind)) + " " +
                        to_json(id_key_of(difference.local.empty() ? difference.backup : difference.local)));
        return Result<void>();
      },
      [](const CompareCounts&) {});
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts->local, 11U);
  EXPECT_EQ(counts->backup, 11U);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_NE(found[0].find("foreign"), std::string::npos);
  EXPECT_NE(found[1].find("content"), std::string::npos);
  EXPECT_NE(found[2].find("missing"), std::string::npos);
}

TEST(Comparer, AnEqualNumberOfAnotherTypeIsADifferenceOfContent) {
  test::FakeServer local;
  test::FakeServer backup;
  local.put(kBills, document(R"({"$numberInt":"1"})", 1));
  backup.put(kBills, document(R"({"$numberLong":"1"})", 1));
  test::FakeReader l(local);
  test::FakeReader b(backup);
  std::vector<DifferenceKind> kinds;
  ASSERT_TRUE(compare_namespace(
                  l, kBills, b, kBills, {}, {},
                  [&](const FoundDifference& difference) {
                    kinds.push_back(difference.kind);
                    return Result<void>();
                  },
                  [](const CompareCounts&) {})
                  .ok());
  EXPECT_EQ(kinds, std::vector<DifferenceKind>{DifferenceKind::kContent});
}

TEST(Comparer, StopsWhenTold) {
  test::FakeServer server;
  server.put(kBills, document("1", 1));
  test::FakeReader reader(server);
  std::stop_source stop;
  stop.request_stop();
  const auto result = compare_namespace(
      reader, kBills, reader, kBills, {}, stop.get_token(), [](const FoundDifference&) { return Result<void>(); },
      [](const CompareCounts&) {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kStopped);
}

}  // namespace
}  // namespace dualsync
