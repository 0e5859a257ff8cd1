// Progress of a plain copy, kept in its dirty range so that a broken link or a restart goes on where it was.
//
// Shape    BSON {uuid: <16 bytes>, ranges: [{min: {_id}, max: {_id}, last: {_id}, done: bool}, ...]}; a bound that is
//          missing means "open"; `last` is the newest `_id` that the backup has acknowledged
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
  std::string uuid;  // of the local collection when the copy began
  std::vector<CopyRange> ranges;

  bool done() const;
  std::string encode() const;
  // Nothing if the bytes are empty or not a progress.
  static std::optional<CopyProgress> decode(std::string_view bytes);
};

}  // namespace dualsync
