#include "dualsync/codec/operation_codec.h"

#include <xxhash.h>

#include <bit>
#include <cstring>

namespace dualsync {
namespace {

static_assert(std::endian::native == std::endian::little, "records are little-endian; this port needs byte swaps");

struct Head {
  std::uint8_t version;
  std::uint8_t kind;
  std::uint16_t flags;
  std::uint32_t checksum;
  std::uint64_t first_time;
  std::uint64_t last_time;
  std::int64_t enqueued_ms;
  std::uint32_t attempts;
  std::uint16_t db_length;
  std::uint16_t collection_length;
  std::uint32_t key_length;
  std::uint32_t payload_length;
  std::uint64_t reserved;
};
static_assert(sizeof(Head) == 56 && offsetof(Head, first_time) == 8 && offsetof(Head, reserved) == 48);

std::uint32_t checksum_of(std::string_view record) {
  constexpr std::size_t kCovered = offsetof(Head, first_time);
  const std::uint64_t seed = static_cast<std::uint8_t>(record[1]) |
                             static_cast<std::uint64_t>(static_cast<std::uint8_t>(record[2])) << 8U |
                             static_cast<std::uint64_t>(static_cast<std::uint8_t>(record[3])) << 16U;
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(record.data() + kCovered, record.size() - kCovered, seed));
}

OperationView parts_of(const Head& head, std::string_view record) {
  OperationView op;
  op.kind = static_cast<OpKind>(head.kind);
  op.flags = head.flags;
  op.attempts = head.attempts;
  op.first_time = OpTime::unpack(head.first_time);
  op.last_time = OpTime::unpack(head.last_time);
  op.enqueued_ms = head.enqueued_ms;
  std::size_t at = sizeof head;
  const auto take = [&](std::size_t length) {
    const std::string_view part = record.substr(at, length);
    at += length;
    return part;
  };
  op.db = take(head.db_length);
  op.collection = take(head.collection_length);
  op.document_key = take(head.key_length);
  op.payload = take(head.payload_length);
  return op;
}

Error damaged(const char* what) { return {ErrorKind::kCorruption, std::string("queue record: ") + what, "", 0}; }

}  // namespace

void encode_operation(const OperationView& op, std::string* out) {
  Head head{};
  head.version = kRecordVersion;
  head.kind = static_cast<std::uint8_t>(op.kind);
  head.flags = op.flags;
  head.first_time = op.first_time.packed();
  head.last_time = op.last_time.packed();
  head.enqueued_ms = op.enqueued_ms;
  head.attempts = op.attempts;
  head.db_length = static_cast<std::uint16_t>(op.db.size());
  head.collection_length = static_cast<std::uint16_t>(op.collection.size());
  head.key_length = static_cast<std::uint32_t>(op.document_key.size());
  head.payload_length = static_cast<std::uint32_t>(op.payload.size());
  DUALSYNC_CHECK(op.db.size() <= UINT16_MAX && op.collection.size() <= UINT16_MAX);
  out->clear();
  out->reserve(sizeof head + op.db.size() + op.collection.size() + op.document_key.size() + op.payload.size());
  out->append(reinterpret_cast<const char*>(&head), sizeof head);
  out->append(op.db).append(op.collection).append(op.document_key).append(op.payload);
  head.checksum = checksum_of(*out);
  std::memcpy(out->data() + offsetof(Head, checksum), &head.checksum, sizeof head.checksum);
}

Result<OperationView> decode_operation(std::string_view record) {
  Head head{};
  if (record.empty()) return damaged("empty");
  if (static_cast<std::uint8_t>(record[0]) > kRecordVersion) {
    return Error{ErrorKind::kUnsupported,
                 "queue record of version " + std::to_string(static_cast<std::uint8_t>(record[0])) +
                     "; this program knows " + std::to_string(kRecordVersion),
                 "use the newer program that wrote it", 0};
  }
  if (record.size() < sizeof head) return damaged("truncated head");
  std::memcpy(&head, record.data(), sizeof head);
  if (head.version == 0) return damaged("version 0");
  const std::uint64_t expected =
      sizeof head + std::uint64_t{head.db_length} + head.collection_length + head.key_length + head.payload_length;
  if (record.size() != expected) return damaged("wrong length");
  if (head.checksum != checksum_of(record)) return damaged("wrong checksum");
  if (head.kind < static_cast<std::uint8_t>(OpKind::kInsert) || head.kind > static_cast<std::uint8_t>(OpKind::kDdl)) {
    return damaged("unknown kind");
  }
  return parts_of(head, record);
}

OperationView view_operation(std::string_view record) {
  Head head{};
  std::memcpy(&head, record.data(), sizeof head);
  return parts_of(head, record);
}

}  // namespace dualsync
