#include "dualsync/middleware/transactions.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dualsync {
namespace {

void add_range(const Namespace& ns, std::vector<Namespace>* ranges) {
  if (std::find(ranges->begin(), ranges->end(), ns) == ranges->end()) ranges->push_back(ns);
}

}  // namespace

void merge_changes(ReportedChanges&& more, std::size_t documents_max, ReportedChanges* all) {
  for (const Namespace& ns : more.ranges) add_range(ns, &all->ranges);
  if (all->documents.size() + more.documents.size() <= documents_max) {
    std::move(more.documents.begin(), more.documents.end(), std::back_inserter(all->documents));
    return;
  }
  for (const auto* documents : {&all->documents, &more.documents}) {
    for (const ReportedChanges::Document& one : *documents) add_range(one.ns, &all->ranges);
  }
  all->documents.clear();
}

void Transactions::add(const TransactionRef& transaction, ReportedChanges&& changes) {
  const MutexLock lock(mutex_);
  Open& open = open_[transaction.session];
  if (open.number != transaction.number) open = {transaction.number, {}};
  merge_changes(std::move(changes), kDocumentsMax, &open.changes);
}

ReportedChanges Transactions::commit(const TransactionRef& transaction) {
  const MutexLock lock(mutex_);
  const auto found = open_.find(transaction.session);
  if (found == open_.end() || found->second.number != transaction.number) return {};
  ReportedChanges changes = std::move(found->second.changes);
  open_.erase(found);
  return changes;
}

ReportedChanges Transactions::maybe_commit(const TransactionRef& transaction) const {
  const MutexLock lock(mutex_);
  const auto found = open_.find(transaction.session);
  return found == open_.end() || found->second.number != transaction.number ? ReportedChanges() : found->second.changes;
}

void Transactions::forget(const TransactionRef& transaction) {
  const MutexLock lock(mutex_);
  const auto found = open_.find(transaction.session);
  if (found != open_.end() && found->second.number == transaction.number) open_.erase(found);
}

}  // namespace dualsync
