// What is kept of comparisons between two starts of the daemon.
//
// Shape    state `verify` of the queue: BSON, see docs/formats/queue.md
// Threads  pure; any
// Errors   what cannot be read is left out
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dualsync/model/verify_status.h"

namespace dualsync {

struct VerifyRecord {
  VerifyStatus last;          // the newest one
  std::int64_t since_ms = 0;  // Unix time: the schedule counts from here; 0: it has not begun
  std::int64_t read_ms = 0;   // Unix time: when everything was last read, not only its digests; 0: not yet
};

std::string encode_verify_record(const VerifyRecord& record);
VerifyRecord decode_verify_record(std::string_view bytes);

}  // namespace dualsync
