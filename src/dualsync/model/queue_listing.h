// The operations of the queue, without their content.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dualsync/model/namespace.h"
#include "dualsync/model/op_time.h"
#include "dualsync/model/operation.h"

namespace dualsync {

struct ListedOperation {
  SeqNo seq = 0;
  OpKind kind = OpKind::kTouch;
  Namespace ns;
  std::string document_key;  // BSON; empty for DDL
  std::uint64_t bytes = 0;
  std::uint32_t attempts = 0;
  std::int64_t enqueued_ms = 0;
  OpTime time;  // of its newest change
};

struct QueueListing {
  std::vector<ListedOperation> operations;  // oldest first
  std::uint64_t total = 0;
};

}  // namespace dualsync
