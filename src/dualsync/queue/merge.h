// What one pending operation becomes when a newer one on the same document comes in.
//
// Shape    pending            new                 becomes
//          insert, replace    insert, replace     the new whole (an insert stays an insert)
//          insert, replace    delta               touch
//          delta              delta               merged delta, or touch (codec/delta.h)
//          any                delete              delete
//          delete             insert, replace     the new whole, as an upsert
//          delete             delta               touch
//          any                touch               touch
//          touch              all but delete      touch
//          delta              insert, replace     the new whole, as an upsert
// Rule     kFlagRekey is set when the `_id`'s bytes differ, and stays: the backup may hold the older bytes
// Threads  pure function
// Source   docs/adr/0003-queue.md
#pragma once

#include <string>

#include "dualsync/model/operation.h"

namespace dualsync {

// The result's views point into the arguments' bytes or into `storage`.
OperationView merge_operations(const OperationView& pending, const OperationView& newer, std::string* storage);

}  // namespace dualsync
