// Change stream document -> what the queue stores.
//
// Shape    views into the event's bytes; valid as long as those
//          An update that carries the document is the document: only post-images are ever asked for (the state that
//          this very update left), never a lookup
// Errors   none: an event that is unknown or malformed says what may still be known of it, so that the document (or the
//          namespace, or everything in scope) can be re-read; nothing is ever skipped
// Threads  pure functions
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dualsync/model/namespace.h"
#include "dualsync/model/operation.h"

namespace dualsync {

struct DecodedEvent {
  enum class Kind : std::uint8_t {
    kDocument,    // op holds insert, replace, delta, delete or touch
    kDdl,         // op.kind is kDdl, its payload the whole event
    kInvalidate,  // the stream ends here; nothing to mirror
    kNothing,     // understood, and nothing to mirror
    kMalformed,   // `problem` says why; op.db and op.document_key hold what could be read
  };
  Kind kind = Kind::kMalformed;
  OperationView op;
  std::string problem;
};

DecodedEvent decode_event(std::string_view event);

}  // namespace dualsync
