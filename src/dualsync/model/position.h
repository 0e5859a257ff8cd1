// Position: where capture goes on: resume token, cluster time, and the replica set they belong to.
#pragma once

#include <string>
#include <string_view>

#include "dualsync/model/op_time.h"

namespace dualsync {

struct Position {
  // In place of a resume token where local has no change stream: an empty BSON document, which no server takes for one.
  static constexpr std::string_view kNoStream{"\5\0\0\0\0", 5};

  std::string token;              // the resume token's BSON bytes, opaque; empty: none yet
  OpTime time;                    // every local write up to here has been delivered
  bool after_invalidate = false;  // the token is an invalidate event's: only startAfter accepts it
  std::string replica_set;        // setName of the local replica set

  bool empty() const { return token.empty(); }
};

}  // namespace dualsync
