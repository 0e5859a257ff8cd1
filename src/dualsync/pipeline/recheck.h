// Recheck: looks again at documents that a comparison found different, until each is equal or proven to differ.
//
// Rule     local is read, the mirror is given the time to apply all of that, then the backup is read, then local again.
//          Whoever differs from both readings of a document that stood still differs. In a document that never stands
//          still, a field that did and yet differs each time is a difference; else the document is unsettled.
// Units    memory: the keys of all suspects, and the documents of a few of them
// Threads  one owner
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "dualsync/base/clock.h"
#include "dualsync/model/verify_report.h"
#include "dualsync/ports/document_store.h"

namespace dualsync {

struct Suspect {
  std::string key;                            // {_id: ...}, of local where local has it
  int confirmed = 0;                          // how sure it is that it differs
  std::optional<std::size_t> seen_on_backup;  // a hash of what that was said of
  int rounds_moving = 0;                      // in which local's document changed meanwhile
  std::set<std::string> unmatched;            // fields that differed in all of those although local left them alone
  Difference difference;                      // as last seen
};

struct RecheckOptions {
  std::chrono::milliseconds settle_max{15'000};
  // Returns when the backup has everything that local held when it was called; false: not in time, or nobody knows.
  // Empty: no mirror can be asked, so a difference must stay for a while.
  std::function<Result<bool>(std::stop_token)> catch_up;
  // Whether the mirror keeps this document of the backup as it is (withheld.h): then it is no difference. Empty: none.
  std::function<Result<bool>(const Namespace& local_ns, std::string_view key)> excepted;
  std::size_t differences_max = 100;  // named; all are counted
};

struct RecheckOutcome {
  std::uint64_t count = 0;
  std::vector<Difference> differences;
  std::uint64_t excepted = 0;
  std::uint64_t unsettled = 0;  // changed all the time; nothing can be said about them
};

class Recheck {
 public:
  Recheck(DocumentReader& local, DocumentReader& backup, const Clock& clock, const RecheckOptions& options)
      : local_(local), backup_(backup), clock_(clock), options_(options) {}

  // kStopped, and the readers' errors.
  Result<RecheckOutcome> run(const Namespace& local_ns, const Namespace& backup_ns, std::vector<Suspect> suspects,
                             std::stop_token stop);

 private:
  using Documents = std::map<std::string, std::string>;  // by canonical key

  // Moves those that differ for certain to `outcome`, keeps those to look at again, and forgets the others.
  Result<std::vector<Suspect>> round(const Namespace& local_ns, const Namespace& backup_ns,
                                     std::vector<Suspect> suspects, std::stop_token stop, RecheckOutcome* outcome);
  Result<bool> catch_up(std::stop_token stop);
  Result<void> add(const Namespace& local_ns, Difference difference, RecheckOutcome* outcome) const;

  DocumentReader& local_;
  DocumentReader& backup_;
  const Clock& clock_;
  const RecheckOptions& options_;
};

}  // namespace dualsync
