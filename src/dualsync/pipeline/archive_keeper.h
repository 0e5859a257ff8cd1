// ArchiveKeeper: removes the archives of dropped collections from the backup once they are old enough.
//
// Shape    an archive's age counts from when this data directory first saw it, by the backup's cluster time: a clock
//          of this machine that jumps removes nothing, and a new data directory only keeps archives for longer
// Rule     never without the lease, and never anything but an archive's name in a database of the scope
// Threads  one owner
#pragma once

#include <map>

#include "dualsync/pipeline/context.h"

namespace dualsync {

class ArchiveKeeper {
 public:
  explicit ArchiveKeeper(PipelineContext& context) : context_(context) {}

  // May be called at any time: looks once an hour, while the backup can be reached. Its failures are only logged;
  // errors are those of the queue.
  Result<void> tend();
  // Looks now. Errors of the backup and of the queue.
  Result<void> look();

 private:
  using FirstSeen = std::map<std::string, std::int64_t>;  // archive's full name on the backup -> seconds

  Result<FirstSeen> load() const;
  Result<void> save(const FirstSeen& seen);
  Result<std::vector<Namespace>> find_archives(DocumentReader& backup) const;

  PipelineContext& context_;
  std::optional<SteadyTime> looked_;
};

}  // namespace dualsync
