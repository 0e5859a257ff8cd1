// QuickCompare: compares a namespace range by range; a range of which both servers give the same digest is not read.
//
// Rule     what differs is read and compared byte for byte. A server that gives no digests is not asked again, and
//          everything is read
// Order    ascending `_id`
// Threads  one owner
#pragma once

#include <optional>
#include <string>

#include "dualsync/pipeline/comparer.h"

namespace dualsync {

class QuickCompare {
 public:
  QuickCompare(DocumentReader& local, DocumentReader& backup) : local_(local), backup_(backup) {}

  // As compare_namespace(). `documents`: about so many are there.
  Result<CompareCounts> run(const Namespace& local_ns, const Namespace& backup_ns, std::uint64_t documents,
                            std::stop_token stop, const std::function<Result<void>(const FoundDifference&)>& found,
                            const std::function<void(const CompareCounts&)>& progress);

  std::uint64_t by_digest() const { return by_digest_; }     // documents of local that were not read, of all runs
  const std::string& obstacle() const { return obstacle_; }  // why digests are not asked for; empty: they are

 private:
  // The documents of the range if its digests are equal; none: it has to be read.
  Result<std::optional<std::uint64_t>> equal_digests(const Namespace& local_ns, const Namespace& backup_ns,
                                                     const IdRange& range);

  DocumentReader& local_;
  DocumentReader& backup_;
  std::uint64_t by_digest_ = 0;
  std::string obstacle_;
};

}  // namespace dualsync
