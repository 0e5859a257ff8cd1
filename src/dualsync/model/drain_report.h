// What `dualsync drain --without-local` sent, and what it could not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dualsync/model/queue_listing.h"

namespace dualsync {

struct DrainReport {
  struct Range {
    Namespace ns;  // an empty collection: the whole database; an empty database: everything
    std::string reason;
  };
  std::uint64_t sent = 0;          // operations that the backup acknowledged
  std::uint64_t loose = 0;         // of them: new fields that may stand in another order than on local
  std::uint64_t dead_letters = 0;  // refused by the backup for good, all that are open
  QueueListing left;               // what needs local: the oldest of `left.total`
  std::vector<Range> ranges;       // what would have to be compared with local
  OpTime captured_until;           // local's time up to which changes had been read when it was lost

  bool complete() const { return left.total == 0 && ranges.empty() && dead_letters == 0; }
};

}  // namespace dualsync
