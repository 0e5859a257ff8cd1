#include "dualsync/middleware/transactions.h"

#include <gtest/gtest.h>

#include "support/names.h"

namespace dualsync {
namespace {

const Namespace kGoods{"shop", "goods"};

ReportedChanges documents(const Namespace& ns, const std::vector<std::string>& keys) {
  ReportedChanges changes;
  for (const std::string& key : keys) changes.documents.push_back({ns, key});
  return changes;
}

std::size_t count(const ReportedChanges& changes) { return changes.documents.size() + changes.ranges.size(); }

TEST(Transactions, CountWhenTheyCommit) {
  Transactions transactions;
  transactions.add({"a", 1}, documents(kBills, {"1"}));
  transactions.add({"b", 1}, documents(kBills, {"2"}));
  transactions.add({"a", 1}, documents(kGoods, {"3"}));
  EXPECT_EQ(count(transactions.commit({"a", 1})), 2U);
  EXPECT_EQ(count(transactions.commit({"a", 1})), 0U) << "asked again, which changes nothing";
  EXPECT_EQ(count(transactions.commit({"b", 1})), 1U);
}

TEST(Transactions, AreForgottenWhenTheyAbort) {
  Transactions transactions;
  transactions.add({"a", 1}, documents(kBills, {"1"}));
  transactions.forget({"a", 1});
  EXPECT_EQ(count(transactions.commit({"a", 1})), 0U);
}

TEST(Transactions, AHigherNumberEndsTheOneBefore) {
  Transactions transactions;
  transactions.add({"a", 1}, documents(kBills, {"1"}));
  transactions.add({"a", 2}, documents(kBills, {"2"}));
  transactions.forget({"a", 1});
  EXPECT_EQ(count(transactions.commit({"a", 1})), 0U);
  const ReportedChanges second = transactions.commit({"a", 2});
  ASSERT_EQ(second.documents.size(), 1U);
  EXPECT_EQ(second.documents[0].document_key, "2");
}

TEST(Transactions, AnUncertainCommitIsKeptForTheNextTry) {
  Transactions transactions;
  transactions.add({"a", 1}, documents(kBills, {"1"}));
  EXPECT_EQ(count(transactions.maybe_commit({"a", 1})), 1U);
  EXPECT_EQ(count(transactions.maybe_commit({"a", 2})), 0U);
  EXPECT_EQ(count(transactions.commit({"a", 1})), 1U);
}

TEST(Transactions, AreBounded) {
  Transactions transactions;
  for (int i = 0; i < 10'001; ++i) transactions.add({"a", 1}, documents(i % 2 == 0 ? kBills : kGoods, {"k"}));
  const ReportedChanges all = transactions.commit({"a", 1});
  EXPECT_TRUE(all.documents.empty());
  EXPECT_EQ(all.ranges, (std::vector<Namespace>{kBills, kGoods}));
}

}  // namespace
}  // namespace dualsync
