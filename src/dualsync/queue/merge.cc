#include "dualsync/queue/merge.h"

#include "dualsync/base/check.h"
#include "dualsync/codec/delta.h"

namespace dualsync {
namespace {

void become_touch(OperationView* op) {
  op->kind = OpKind::kTouch;
  op->payload = {};
}

}  // namespace

OperationView merge_operations(const OperationView& pending, const OperationView& newer, std::string* storage) {
  DUALSYNC_CHECK(pending.kind != OpKind::kDdl && newer.kind != OpKind::kDdl);
  OperationView result = newer;
  // A repair's touch is as old as the gap that it closes, and may so be older than what it merges into.
  const bool older = !newer.first_time.is_null() && newer.first_time < pending.first_time;
  result.first_time = older ? newer.first_time : pending.first_time;
  result.enqueued_ms = pending.enqueued_ms;
  result.flags = static_cast<std::uint16_t>(pending.flags | newer.flags);
  if (pending.document_key != newer.document_key) result.flags |= kFlagRekey;

  switch (newer.kind) {
    case OpKind::kDelete: break;
    case OpKind::kInsert:
    case OpKind::kReplace:
      if (pending.kind == OpKind::kTouch) {
        become_touch(&result);
      } else {
        result.kind = pending.kind == OpKind::kInsert ? OpKind::kInsert : OpKind::kReplace;
      }
      break;
    case OpKind::kDelta:
      if (pending.kind == OpKind::kDelta) {
        if (auto merged = merge_deltas(pending.payload, newer.payload)) {
          *storage = std::move(*merged);
          result.payload = *storage;
          break;
        }
      }
      become_touch(&result);
      break;
    case OpKind::kTouch:
    case OpKind::kDdl: become_touch(&result); break;
  }
  // New content that stands by itself deserves its full number of tries; the rest goes on with what it has used up.
  result.attempts = result.whole() || result.kind == OpKind::kDelete ? 0 : pending.attempts;
  return result;
}

}  // namespace dualsync
