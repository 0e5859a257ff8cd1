// A record of the queue of any bytes is refused or read; what is read and written again is the same record. The
// checksum is mended now and then, so that what lies behind it is reached.
#include <xxhash.h>

#include <cstring>
#include <string>

#include "dualsync/codec/operation_codec.h"
#include "dualsync/codec/operation_json.h"
#include "fuzz/fuzz.h"

FUZZ(record, input) {
  constexpr std::size_t kHead = 8;
  std::string record(input);
  if (record.size() > kHead && record[0] == 1) {
    const auto seed = static_cast<std::uint64_t>(static_cast<unsigned char>(record[1])) |
                      static_cast<std::uint64_t>(static_cast<unsigned char>(record[2])) << 8U |
                      static_cast<std::uint64_t>(static_cast<unsigned char>(record[3])) << 16U;
    const auto sum =
        static_cast<std::uint32_t>(XXH3_64bits_withSeed(record.data() + kHead, record.size() - kHead, seed));
    std::memcpy(record.data() + 4, &sum, sizeof sum);
  }
  for (const std::string_view bytes : {input, std::string_view(record)}) {
    const auto op = dualsync::decode_operation(bytes);
    if (!op) continue;
    std::string again;
    dualsync::encode_operation(*op, &again);
    DUALSYNC_CHECK(dualsync::decode_operation(again).ok());
    (void)dualsync::operation_to_json(1, *op, 5);
  }
}
