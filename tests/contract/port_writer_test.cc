// BackupWriter: what the lanes rely on.
#include <algorithm>

#include "contract/port_sides.h"

namespace dualsync::test {
namespace {

TEST_P(WriterContract, AnInsertIsThereByteForByteAndASecondOneIsADuplicate) {
  const Item one = whole(Kind::kInsert, "1", R"("a":1,"b":2)");
  EXPECT_TRUE(write_one(one).ok);
  const WriteOutcome again = write_one(whole(Kind::kInsert, "1", R"("a":9)"));
  EXPECT_FALSE(again.ok);
  EXPECT_TRUE(again.duplicate_id);
  EXPECT_EQ(again.error.kind, ErrorKind::kDuplicateKey);
  EXPECT_EQ(content(), std::vector<std::string>{one.payload});
}

TEST_P(WriterContract, AReplaceInsertsWhatIsNotThereAndReplacesWhatIs) {
  EXPECT_TRUE(write_one(whole(Kind::kReplace, "1", R"("a":1,"b":2)")).ok);
  const Item other = whole(Kind::kReplace, "1", R"("b":3,"c":4)");
  EXPECT_TRUE(write_one(other).ok);
  EXPECT_TRUE(write_one(other).ok) << "once more changes nothing";
  EXPECT_EQ(content(), std::vector<std::string>{other.payload});
}

TEST_P(WriterContract, ADeleteRemovesAndIsASuccessWhenNothingIsThere) {
  EXPECT_TRUE(write_one(removal("1")).ok);
  const Item kept = whole(Kind::kInsert, "2", R"("a":1)");
  write({whole(Kind::kInsert, "1", R"("a":1)"), kept});
  EXPECT_TRUE(write_one(removal("1")).ok);
  EXPECT_TRUE(write_one(removal("1")).ok);
  EXPECT_EQ(content(), std::vector<std::string>{kept.payload});
}

TEST_P(WriterContract, ADeltaChangesFieldsInTheirPlaceAndRemovesOthers) {
  write_one(whole(Kind::kInsert, "1", R"("a":1,"b":2,"c":3)"));
  EXPECT_TRUE(write_one(change("1", R"("a":7)", R"("b")")).ok);
  EXPECT_EQ(content(), std::vector<std::string>{bson(R"({"_id":1,"a":7,"c":3})")});
  EXPECT_EQ(write_one(change("1", R"("a":7)", R"("b")")).error.kind, ErrorKind::kHeal) << "once more changes nothing";
  EXPECT_EQ(content(), std::vector<std::string>{bson(R"({"_id":1,"a":7,"c":3})")});
}

TEST_P(WriterContract, ADeltaThatDoesNotFitChangesNothing) {
  const Item one = whole(Kind::kInsert, "1", R"("a":1)");
  write_one(one);
  EXPECT_EQ(write_one(change("1", R"("new":1)")).error.kind, ErrorKind::kHeal) << "its place in the order is not known";
  EXPECT_EQ(write_one(change("1", R"("a":5,"new":1)")).error.kind, ErrorKind::kHeal);
  EXPECT_EQ(write_one(change("2", R"("a":1)")).error.kind, ErrorKind::kHeal);
  EXPECT_EQ(content(), std::vector<std::string>{one.payload});
}

TEST_P(WriterContract, OneThatFailsDoesNotStopTheOthers) {
  write_one(whole(Kind::kInsert, "1", R"("a":1)"));
  write_one(whole(Kind::kInsert, "2", R"("a":1)"));
  const std::vector<Item> items = {whole(Kind::kInsert, "3", R"("a":3)"), whole(Kind::kInsert, "1", R"("a":9)"),
                                   removal("2"), change("7", R"("a":1)"), whole(Kind::kReplace, "4", R"("a":4)")};
  const auto outcomes = write(items);
  EXPECT_TRUE(outcomes[0].ok);
  EXPECT_TRUE(outcomes[1].duplicate_id);
  EXPECT_TRUE(outcomes[2].ok);
  EXPECT_EQ(outcomes[3].error.kind, ErrorKind::kHeal);
  EXPECT_TRUE(outcomes[4].ok);
  EXPECT_EQ(content(), (std::vector<std::string>{bson(R"({"_id":1,"a":1})"), items[0].payload, items[4].payload}));
}

TEST_P(WriterContract, InOrderNothingBehindAFailureIsTried) {
  write_one(whole(Kind::kInsert, "1", R"("a":1)"));
  write_one(whole(Kind::kInsert, "2", R"("a":1)"));
  const std::vector<Item> items = {whole(Kind::kInsert, "3", R"("a":3)"), removal("2"),
                                   whole(Kind::kInsert, "1", R"("a":9)"), whole(Kind::kInsert, "4", R"("a":4)"),
                                   whole(Kind::kReplace, "3", R"("a":5)")};
  const auto outcomes = writer_->write_in_order(ns(), views(items));
  ASSERT_TRUE(succeeds(outcomes));
  ASSERT_EQ(outcomes->size(), 3U);
  EXPECT_TRUE((*outcomes)[0].ok);
  EXPECT_TRUE((*outcomes)[1].ok);
  EXPECT_TRUE((*outcomes)[2].duplicate_id);
  EXPECT_EQ(content(), (std::vector<std::string>{bson(R"({"_id":1,"a":1})"), items[0].payload}));
}

TEST_P(WriterContract, InOrderADocumentGoesThroughAllItsStates) {
  const std::vector<Item> items = {whole(Kind::kInsert, "1", R"("a":1)"),
                                   change("1", R"("a":2)"),
                                   change("1", R"("a":3)"),
                                   removal("1"),
                                   whole(Kind::kInsert, "1", R"("a":4)"),
                                   whole(Kind::kReplace, "1", R"("b":5)"),
                                   whole(Kind::kReplace, "1", R"("b":6)"),
                                   change("1", R"("a":7)"),
                                   removal("1")};
  const auto outcomes = writer_->write_in_order(ns(), views(items));
  ASSERT_TRUE(succeeds(outcomes));
  ASSERT_EQ(outcomes->size(), 8U) << "the delta that fits no more stops it";
  EXPECT_EQ(outcomes->back().error.kind, ErrorKind::kHeal);
  EXPECT_EQ(content(), std::vector<std::string>{items[6].payload});
}

TEST_P(WriterContract, DeletesTakeEffectBeforeInserts) {
  const std::string wide = R"({"$numberLong":"1"})";
  write_one(whole(Kind::kInsert, "1", R"("a":1)"));
  const Item fresh = whole(Kind::kInsert, wide, R"("a":2)");
  for (const WriteOutcome& outcome : write({fresh, removal("1")})) EXPECT_TRUE(outcome.ok);
  EXPECT_EQ(content(), std::vector<std::string>{fresh.payload});
}

TEST_P(WriterContract, AnEqualIdOfOtherBytesIsTheSameDocument) {
  const std::string wide = R"({"$numberLong":"1"})";
  const Item one = whole(Kind::kInsert, "1", R"("a":1)");
  write_one(one);
  EXPECT_TRUE(write_one(whole(Kind::kInsert, wide, R"("a":2)")).duplicate_id);
  EXPECT_TRUE(write_one(change(wide, R"("a":5)")).ok);
  EXPECT_EQ(content(), std::vector<std::string>{bson(R"({"_id":1,"a":5})")});
  EXPECT_TRUE(write_one(removal(wide)).ok);
  EXPECT_TRUE(content().empty());
}

// Servers differ in whether they do it; none may claim to have done it and keep the old bytes.
TEST_P(WriterContract, AReplaceByOtherBytesOfTheIdIsDoneOrHealed) {
  const Item one = whole(Kind::kInsert, "1", R"("a":1)");
  const Item wide = whole(Kind::kReplace, R"({"$numberLong":"1"})", R"("a":2)");
  write_one(one);
  const WriteOutcome outcome = write_one(wide);
  EXPECT_TRUE(outcome.ok || outcome.error.kind == ErrorKind::kHeal);
  EXPECT_EQ(content(), std::vector<std::string>{outcome.ok ? wide.payload : one.payload});
}

TEST_P(WriterContract, ReadsOverItsOwnConnection) {
  EXPECT_TRUE(succeeds(writer_->reader().ping()));
  const Item one = whole(Kind::kInsert, "1", R"("a":1)");
  write_one(one);
  EXPECT_EQ(scan(writer_->reader(), ns()), std::vector<std::string>{one.payload});
  const std::uint64_t before = writer_->bytes_sent();
  write_one(removal("1"));
  EXPECT_GE(writer_->bytes_sent(), before);
}

TEST_P(AtomicContract, AValueThatIsTakenIsNoDuplicateOfTheId) {
  sides_->make_unique("c", "a");
  const Item one = whole(Kind::kInsert, "1", R"("a":1)");
  write_one(one);
  for (const Kind kind : {Kind::kInsert, Kind::kReplace}) {
    const WriteOutcome outcome = write_one(whole(kind, "2", R"("a":1)"));
    EXPECT_EQ(outcome.error.kind, ErrorKind::kDuplicateKey);
    EXPECT_FALSE(outcome.duplicate_id);
    EXPECT_EQ(outcome.collision, bson(R"({"a":1})"));
    const auto holders = writer_->find_equal(ns(), outcome.collision);
    ASSERT_TRUE(succeeds(holders));
    EXPECT_EQ(*holders, std::vector<std::string>{one.key});
  }
  const auto nobody = writer_->find_equal(ns(), bson(R"({"a":77})"));
  ASSERT_TRUE(succeeds(nobody));
  EXPECT_TRUE(nobody->empty());
}

TEST_P(AtomicContract, DocumentsThatSwapTheirValuesAreWrittenTogether) {
  sides_->make_unique("c", "a");
  write({whole(Kind::kInsert, "1", R"("a":1)"), whole(Kind::kInsert, "2", R"("a":2)")});
  const std::vector<Item> swap = {removal("1"), removal("2"), whole(Kind::kInsert, "1", R"("a":2)"),
                                  whole(Kind::kInsert, "2", R"("a":1)")};
  const auto outcomes = writer_->write_atomically(ns(), views(swap));
  ASSERT_TRUE(succeeds(outcomes));
  EXPECT_TRUE(std::all_of(outcomes->begin(), outcomes->end(), [](const WriteOutcome& one) { return one.ok; }));
  EXPECT_EQ(content(), (std::vector<std::string>{swap[2].payload, swap[3].payload}));
}

TEST_P(AtomicContract, OneThatFailsLeavesEverythingAsItWas) {
  sides_->make_unique("c", "a");
  const std::vector<Item> before = {whole(Kind::kInsert, "1", R"("a":1)"), whole(Kind::kInsert, "2", R"("a":2)")};
  write(before);
  const auto outcomes = writer_->write_atomically(ns(), views({removal("1"), whole(Kind::kInsert, "1", R"("a":2)")}));
  ASSERT_TRUE(succeeds(outcomes));
  const auto failed = std::find_if(outcomes->begin(), outcomes->end(), [](const WriteOutcome& one) { return !one.ok; });
  ASSERT_NE(failed, outcomes->end());
  EXPECT_EQ(failed->error.kind, ErrorKind::kDuplicateKey);
  EXPECT_EQ(failed->collision, bson(R"({"a":2})"));
  EXPECT_EQ(content(), (std::vector<std::string>{before[0].payload, before[1].payload}));
}

}  // namespace
}  // namespace dualsync::test
