// LocalIdentity: what tells one local MongoDB, and one state of it, from another.
//
// Shape    the replica set's name and id, and our marker: a document on local with a random id and a count that we
// raise
//          from time to time. A fresh or foreign local has another id or none; an older copy has a smaller count
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dualsync/model/op_time.h"

namespace dualsync {

struct LocalIdentity {
  std::string set_name;
  std::string set_id;     // empty: the server does not tell us
  std::string marker;     // empty: none
  std::int64_t mark = 0;  // the marker's count

  bool operator==(const LocalIdentity&) const = default;
  // "replica set rs0 (65a0...), marker 3f2c... at 17"
  std::string to_string() const;
};

// A local as it was just asked.
struct FoundLocal {
  LocalIdentity identity;
  bool marker_known = true;  // false: we may not read it, so its absence says nothing
  OpTime newest;             // newest cluster time; null on a standalone
};

// Why `found` is not the local that `known` speaks of, in words; nothing if it is.
std::optional<std::string> why_not_same(const LocalIdentity& known, const FoundLocal& found);

}  // namespace dualsync
