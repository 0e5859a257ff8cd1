// Operation <-> queue record.
//
// Shape    little-endian, fixed head of 56 bytes, then the variable parts in this order:
//            0  u8   version (1)
//            1  u8   kind
//            2  u16  flags
//            4  u32  checksum: low half of XXH3-64 over everything from byte 8 on, seeded with kind and flags
//            8  u64  first cluster time        16 u64 last cluster time
//           24  i64  enqueued, Unix ms         32 u32 attempts
//           36  u16  length of database name   38 u16 length of collection name
//           40  u32  length of document key    44 u32 length of payload     48 u64 reserved (0)
//           56  database, collection, document key, payload
// Errors   kCorruption: truncated, wrong checksum or kind; kUnsupported: a newer version
// Threads  pure functions
// Source   docs/formats/queue.md
#pragma once

#include <string>
#include <string_view>

#include "dualsync/base/result.h"
#include "dualsync/model/operation.h"

namespace dualsync {

inline constexpr std::uint8_t kRecordVersion = 1;

// Replaces the content of `out`.
void encode_operation(const OperationView& op, std::string* out);

// Views into `record`.
Result<OperationView> decode_operation(std::string_view record);

// The same for a record that this process has encoded, or decoded before: nothing is checked.
OperationView view_operation(std::string_view record);

}  // namespace dualsync
