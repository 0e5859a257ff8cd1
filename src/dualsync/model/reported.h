// What middleware reports: documents that an application changed, and where it lost count.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dualsync/model/namespace.h"

namespace dualsync {

struct ReportedChanges {
  struct Document {
    Namespace ns;
    std::string document_key;  // BSON {_id: ...}
  };
  std::vector<Document> documents;
  std::vector<Namespace> ranges;  // to be compared as a whole; without a collection: the whole database
};

struct ReportOutcome {
  std::uint64_t accepted = 0;  // documents
  std::uint64_t ranges = 0;    // accepted, too
  std::uint64_t ignored = 0;   // documents and ranges that are not mirrored
  bool durable = true;         // false: SYNC_PERSIST_QUEUE=false, a restart forgets them
};

}  // namespace dualsync
