// DeadLetter: an operation that the backup refuses for good. It blocks nobody and stays until it is resolved: by a
// later write of the same document that gets through, by a retry that does, by the end of its collection, or by a
// person.
//
// Units    times are Unix milliseconds
#pragma once

#include <cstdint>
#include <string>

#include "dualsync/model/operation.h"

namespace dualsync {

struct DeadLetter {
  SeqNo seq = 0;  // its id
  OpKind kind = OpKind::kTouch;
  Namespace ns;
  std::string document_key;  // BSON {_id: ...}; empty for ddl
  std::string key_json;      // the same in canonical Extended JSON, where it is shown
  std::string change;        // ddl: what sort of change, as DdlEvent::name
  std::string reason;
  int code = 0;  // the server's; 0: none
  std::uint32_t attempts = 0;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;

  // The operation without its content.
  Operation operation() const {
    Operation op;
    op.kind = kind == OpKind::kDdl ? kind : OpKind::kTouch;
    op.ns = ns;
    op.document_key = document_key;
    op.enqueued_ms = first_ms;
    return op;
  }
};

}  // namespace dualsync
