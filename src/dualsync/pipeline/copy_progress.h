// How far the repair of a namespace is, kept in its dirty range so that a broken link or a restart goes on there.
//
// Shape    BSON {uuid: <16 bytes>, ranges: [{min: {_id}, max: {_id}, last: {_id}, done: bool}, ...], lookedAt: <time>,
// comparing: true};
//          a bound that is missing means "open"; `last` is the newest `_id` that the backup has acknowledged
// Rule     with `lookedAt` the work is done: what local held then was compared or copied, or (no uuid) local did not
// have
//          the collection. It counts once capture has passed that time with no rename or drop of the name before it
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/ports/document_store.h"

namespace dualsync {

struct CopyRange {
  IdRange bounds;
  std::string last;  // {_id: ...}; empty: nothing yet
  bool done = false;
};

struct CopyProgress {
  std::string uuid;  // of the local collection when the work began
  std::vector<CopyRange> ranges;
  OpTime looked_at;        // null: not done
  bool comparing = false;  // the ranges are compared, not copied

  bool done() const;
  std::string encode() const;
  // Nothing if the bytes are empty or not a progress.
  static std::optional<CopyProgress> decode(std::string_view bytes);
};

// Ranges of about 500,000 documents each, at most `ranges_max`, of which nothing is done. Errors of the reader.
Result<CopyProgress> plan_ranges(DocumentReader& reader, const Namespace& ns, std::size_t ranges_max);

}  // namespace dualsync
