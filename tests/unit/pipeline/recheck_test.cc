#include "dualsync/pipeline/recheck.h"

#include <gtest/gtest.h>

#include "support/bson_literal.h"
#include "support/fake_clock.h"
#include "support/fake_store.h"
#include "support/names.h"

namespace dualsync {
namespace {

std::string id(int number) { return test::bson(R"({"_id": )" + std::to_string(number) + "}"); }
std::string bill(int number, int counter, int price) {
  return test::bson(R"({"_id": )" + std::to_string(number) + R"(, "counter": )" + std::to_string(counter) +
                    R"(, "price": )" + std::to_string(price) + "}");
}

class RecheckTest : public ::testing::Test {
 protected:
  // `mirror` runs when the mirror is asked to catch up.
  RecheckOutcome run(std::vector<int> numbers, std::function<bool()> mirror) {
    RecheckOptions options;
    options.differences_max = 2;
    options.catch_up = [&](std::stop_token) -> Result<bool> {
      clock_.advance(std::chrono::seconds(1));
      return mirror();
    };
    std::vector<Suspect> suspects;
    for (const int number : numbers) {
      Suspect suspect;
      suspect.key = id(number);
      suspects.push_back(std::move(suspect));
    }
    test::FakeReader local(local_);
    test::FakeReader backup(backup_);
    Recheck recheck(local, backup, clock_, options);
    auto outcome = recheck.run(kBills, kBills, std::move(suspects), {});
    EXPECT_TRUE(outcome.ok());
    return outcome ? *outcome : RecheckOutcome{};
  }

  test::FakeServer local_;
  test::FakeServer backup_;
  test::FakeClock clock_;
};

TEST_F(RecheckTest, NamesEachKindWithTheFirstDifferingPath) {
  local_.put(kBills, bill(1, 1, 10));
  local_.put(kBills, bill(2, 1, 10));
  backup_.put(kBills, bill(2, 1, 11));
  RecheckOutcome outcome = run({2, 1}, [] { return true; });
  ASSERT_EQ(outcome.differences.size(), 2U);
  EXPECT_EQ(outcome.differences[0].kind, DifferenceKind::kMissing);
  EXPECT_EQ(outcome.differences[1].kind, DifferenceKind::kContent);
  EXPECT_EQ(outcome.differences[1].path, "price");
  EXPECT_EQ(outcome.differences[1].id_json, R"({ "$numberInt" : "2" })");
  backup_.put(kBills, bill(3, 1, 10));
  outcome = run({3, 3}, [] { return true; });
  EXPECT_EQ(outcome.count, 1U);
  EXPECT_EQ(outcome.differences.at(0).kind, DifferenceKind::kForeign);
}

TEST_F(RecheckTest, CountsAllAndNamesTheFirst) {
  for (int i = 0; i < 500; ++i) local_.put(kBills, bill(i, 0, 0));
  std::vector<int> all(500);
  for (int i = 0; i < 500; ++i) all[static_cast<std::size_t>(i)] = i;
  const RecheckOutcome outcome = run(all, [] { return true; });
  EXPECT_EQ(outcome.count, 500U);
  EXPECT_EQ(outcome.differences.size(), 2U);
}

TEST_F(RecheckTest, ForgetsWhatWasOnItsWay) {
  local_.put(kBills, bill(1, 2, 10));
  backup_.put(kBills, bill(1, 1, 10));
  backup_.put(kBills, bill(2, 1, 10));
  const RecheckOutcome outcome = run({1, 2}, [&] {
    backup_.data = local_.data;
    return true;
  });
  EXPECT_EQ(outcome.count, 0U);
  EXPECT_EQ(outcome.unsettled, 0U);
}

// The mirror is always one change behind, so the whole documents never are the same.
TEST_F(RecheckTest, ADocumentThatNeverStandsStillIsNoDifference) {
  int counter = 0;
  local_.put(kBills, bill(1, counter, 10));
  backup_.put(kBills, bill(1, -1, 10));
  const RecheckOutcome outcome = run({1}, [&] {
    local_.put(kBills, bill(1, counter + 2, 10));
    backup_.put(kBills, bill(1, counter + 1, 10));
    counter += 2;
    return true;
  });
  EXPECT_EQ(outcome.count, 0U);
  EXPECT_EQ(outcome.unsettled, 1U);
}

TEST_F(RecheckTest, OneThatComesAndGoesOnLocalIsNoDifference) {
  int counter = 0;
  backup_.put(kBills, bill(1, counter, 10));
  const auto mirror = [&] {
    if (++counter < 5) {
      backup_.put(kBills, bill(1, counter, 10));  // it was there for a moment
    } else {
      backup_.data[kBills].clear();
    }
    return true;
  };
  const RecheckOutcome outcome = run({1}, mirror);
  EXPECT_EQ(outcome.count, 0U);
  EXPECT_EQ(counter, 5);
}

TEST_F(RecheckTest, AFieldThatIsWrongInADocumentThatNeverStandsStillIsNamed) {
  int counter = 0;
  local_.put(kBills, bill(1, counter, 10));
  backup_.put(kBills, bill(1, -1, 99));
  const RecheckOutcome outcome = run({1}, [&] {
    local_.put(kBills, bill(1, counter + 2, 10));
    backup_.put(kBills, bill(1, counter + 1, 99));
    counter += 2;
    return true;
  });
  EXPECT_EQ(outcome.unsettled, 0U);
  ASSERT_EQ(outcome.differences.size(), 1U);
  EXPECT_EQ(outcome.differences[0].path, "price");
}

TEST_F(RecheckTest, AMirrorThatIsBehindIsGivenTime) {
  local_.put(kBills, bill(1, 2, 10));
  backup_.put(kBills, bill(1, 1, 10));
  int asked = 0;
  const RecheckOutcome outcome = run({1}, [&] {
    if (++asked == 4) backup_.data = local_.data;
    return asked >= 4;
  });
  EXPECT_EQ(outcome.count, 0U);
  EXPECT_EQ(asked, 4);
}

}  // namespace
}  // namespace dualsync
