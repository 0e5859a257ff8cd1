// Verifier: proves that the backup equals local, or names what differs.
//
// Shape    documents byte by byte, in `_id` order; collections, options, indexes and views
// Rule     a difference counts only if it is still there after rechecks: writes that are on their way are none
// Threads  one owner
#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "dualsync/base/clock.h"
#include "dualsync/model/scope.h"
#include "dualsync/model/verify_report.h"
#include "dualsync/ports/sides.h"

namespace dualsync {

struct VerifyOptions {
  std::vector<std::string> namespaces;            // patterns as Scope has them; empty: everything in scope
  std::chrono::milliseconds settle_max{15'000};   // how long rechecks may go on
  std::chrono::milliseconds settle_still{3'000};  // no difference went away for so long: it is real
  std::size_t differences_max = 100;              // named per namespace; all are counted
};

struct CompareProgress {
  Namespace ns;
  std::uint64_t documents = 0;  // of local, compared so far, in all namespaces
  std::uint64_t total = 0;      // the server's estimate
};

class Verifier {
 public:
  Verifier(const Scope& scope, LocalSide& local, BackupSide& backup, const Clock& clock, VerifyOptions options);

  Result<VerifyReport> run(std::stop_token stop, const std::function<void(const CompareProgress&)>& progress);

 private:
  struct Suspect {
    std::string local_key;   // {_id: ...}; empty for a foreign document
    std::string backup_key;  // empty for a missing one
  };

  Result<std::vector<CollectionInfo>> list_local();
  Result<NamespaceReport> verify_collection(const CollectionInfo& info, std::stop_token stop,
                                            const std::function<void(const CompareProgress&)>& progress);
  Result<void> recheck(const Namespace& ns, std::vector<Suspect> suspects, std::stop_token stop,
                       NamespaceReport* report);
  Result<std::vector<Difference>> still_different(const Namespace& ns, const std::vector<Suspect>& suspects,
                                                  std::vector<Suspect>* left);
  Result<void> compare_schema(const CollectionInfo& info, NamespaceReport* report);
  Result<void> find_foreign(const std::vector<CollectionInfo>& local, VerifyReport* report);

  const Scope& scope_;
  std::unique_ptr<DocumentReader> local_;
  std::unique_ptr<DocumentReader> backup_;
  const Clock& clock_;
  const VerifyOptions options_;
  std::uint64_t documents_done_ = 0;
  std::uint64_t documents_total_ = 0;
};

}  // namespace dualsync
