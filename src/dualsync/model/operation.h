// Operation: one pending change of one document, or one DDL change.
//
// Shape    an OperationView points into bytes that somebody else owns (a change stream batch, a queue record) and lives
//          as long as those.
//          kind       payload
//          insert     the whole document, as it came
//          replace    the whole document, as it came
//          delta      updateDescription, as it came: {updatedFields: {...}, removedFields: [...]}
//          delete     empty
//          touch      empty: "make the backup's document equal to what local holds now"
//          ddl        the change event, as it came
// Units    times are cluster times; enqueued_ms is Unix time in milliseconds
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dualsync/model/namespace.h"
#include "dualsync/model/op_time.h"

namespace dualsync {

enum class OpKind : std::uint8_t { kInsert = 1, kReplace = 2, kDelta = 3, kDelete = 4, kTouch = 5, kDdl = 6 };

constexpr std::string_view to_string(OpKind kind) {
  switch (kind) {
    case OpKind::kInsert: return "insert";
    case OpKind::kReplace: return "replace";
    case OpKind::kDelta: return "delta";
    case OpKind::kDelete: return "delete";
    case OpKind::kTouch: return "touch";
    case OpKind::kDdl: return "ddl";
  }
  return "unknown";
}

using SeqNo = std::uint64_t;  // place in the queue; the first is 1

// The `_id`'s bytes may differ from those on the backup although MongoDB holds them equal (1 deleted, 1L inserted).
inline constexpr std::uint16_t kFlagRekey = 1U << 0U;
// A touch that middleware reported where no change stream tells of deletes: the mass-delete guard hears of it from
// whoever finds the document gone.
inline constexpr std::uint16_t kFlagReported = 1U << 1U;

struct OperationView {
  OpKind kind = OpKind::kTouch;
  std::uint16_t flags = 0;
  std::uint32_t attempts = 0;    // times the backup refused it
  OpTime first_time;             // of the oldest change merged into it
  OpTime last_time;              // of the newest
  std::int64_t enqueued_ms = 0;  // when the oldest came in
  std::string_view db;
  std::string_view collection;
  std::string_view document_key;  // BSON document {_id: ..., shard key fields}; empty for ddl
  std::string_view payload;

  Namespace ns() const { return {std::string(db), std::string(collection)}; }
  bool whole() const { return kind == OpKind::kInsert || kind == OpKind::kReplace; }
};

// An operation that owns its bytes.
struct Operation {
  OpKind kind = OpKind::kTouch;
  std::uint16_t flags = 0;
  OpTime time;
  std::int64_t enqueued_ms = 0;
  Namespace ns;
  std::string document_key;
  std::string payload;

  static Operation of(const OperationView& view) {  // with its newest time
    return {view.kind,
            view.flags,
            view.last_time,
            view.enqueued_ms,
            view.ns(),
            std::string(view.document_key),
            std::string(view.payload)};
  }

  OperationView view() const {
    OperationView v;
    v.kind = kind;
    v.flags = flags;
    v.first_time = v.last_time = time;
    v.enqueued_ms = enqueued_ms;
    v.db = ns.db;
    v.collection = ns.collection;
    v.document_key = document_key;
    v.payload = payload;
    return v;
  }
};

}  // namespace dualsync
