// ChangeSource: the stream of local changes. Implemented over a MongoDB change stream; fakes stand in for it in tests.
//
// Order    batches come in cluster-time order, without gap and without overlap between open() and the next error
// Threads  one owner
#pragma once

#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "dualsync/base/result.h"
#include "dualsync/model/position.h"

namespace dualsync {

struct ChangeBatch {
  std::vector<std::string_view> events;  // BSON documents, in order; valid until the next call on the source
  Position position;                     // where to go on after these events
};

class ChangeSource {
 public:
  virtual ~ChangeSource() = default;

  // Starts after `from`, or now if it is empty. Returns the position of the start.
  // kPositionLost: local no longer has `from`. kUnsupported: no change streams here (standalone). kConnectivity,
  // kDenied.
  virtual Result<Position> open(const Position& from) = 0;

  // Waits up to about a second for changes; an empty batch still carries a position.
  // kPositionLost, kConnectivity: open() again. kStopped: `stop` was requested.
  virtual Result<ChangeBatch> next(std::stop_token stop) = 0;

  virtual void close() = 0;

  // False: only positions come, never an event (a standalone local).
  virtual bool follows_changes() const { return true; }
  // After open(). False: of DDL only drop, rename and dropDatabase come (servers below 6.0).
  virtual bool tells_ddl() const { return true; }
};

}  // namespace dualsync
