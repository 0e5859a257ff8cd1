// Verifier: proves that the backup equals local, or names what differs.
//
// Shape    documents byte by byte, in `_id` order, or by digests where that will do; collections, options, indexes and
//          views
// Rule     a difference counts only if it is still there after rechecks: writes that are on their way are none
// Threads  one owner
#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <vector>

#include "dualsync/base/clock.h"
#include "dualsync/model/scope.h"
#include "dualsync/model/verify_report.h"
#include "dualsync/pipeline/quick_compare.h"
#include "dualsync/pipeline/recheck.h"
#include "dualsync/ports/sides.h"

namespace dualsync {

struct VerifyOptions {
  std::vector<std::string> namespaces;  // patterns as Scope has them; empty: everything in scope
  bool quick = false;                   // quick_compare.h; else every document is read
  RecheckOptions recheck;
  // A measurement of a time series differs only if it did when it was last mirrored: what differs beside these has come
  // since, and is pending. Null: all that differ do.
  const std::map<Namespace, std::vector<std::uint64_t>>* marks = nullptr;
  bool keeps_dropped = false;  // SYNC_ON_DROP=keep: a collection that only the backup has is no difference
  // Both on the verifier's thread; empty: nobody wants to know.
  std::function<void(const Namespace&, std::uint64_t documents)> planned;  // each of local, the server's estimate
  std::function<void(const NamespaceReport&)> compared;
};

struct CompareProgress {
  Namespace ns;
  std::uint64_t ns_documents = 0;  // of those below, in this namespace
  std::uint64_t documents = 0;     // of local, compared so far, in all namespaces
  std::uint64_t total = 0;         // the server's estimate
};

class Verifier {
 public:
  Verifier(const Scope& scope, LocalSide& local, BackupSide& backup, const Clock& clock, VerifyOptions options);

  // kInvalidArgument: a pattern of the options that no collection of local answers to.
  Result<void> check_names();
  Result<VerifyReport> run(std::stop_token stop, const std::function<void(const CompareProgress&)>& progress);

 private:
  Result<std::vector<CollectionInfo>> list_local();
  Result<NamespaceReport> verify_collection(const CollectionInfo& info, std::uint64_t documents, std::stop_token stop,
                                            const std::function<void(const CompareProgress&)>& progress);
  Result<void> compare_documents(std::uint64_t documents, std::stop_token stop,
                                 const std::function<void(const CompareProgress&)>& progress, NamespaceReport* report);
  Result<void> compare_measurements(const CollectionInfo& info, std::stop_token stop,
                                    const std::function<void(const CompareProgress&)>& progress,
                                    NamespaceReport* report);
  // Until nothing differs or the same differs again and again; a DDL change may be on its way.
  Result<void> settle_schema(const CollectionInfo& info, NamespaceReport* report, std::stop_token stop);
  // In words; empty: equal, or gone from both.
  Result<std::vector<std::string>> compare_schema(const CollectionInfo& info, std::uint64_t local_documents);
  Result<void> find_foreign(const std::vector<CollectionInfo>& local, VerifyReport* report);

  const Scope& scope_;
  std::unique_ptr<DocumentReader> local_;
  std::unique_ptr<DocumentReader> backup_;
  const Clock& clock_;
  const VerifyOptions options_;
  QuickCompare quick_;
  std::uint64_t documents_done_ = 0;
  std::uint64_t documents_total_ = 0;
};

}  // namespace dualsync
