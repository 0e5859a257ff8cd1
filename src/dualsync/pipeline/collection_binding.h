// CollectionBinding: which collection of local each name on the backup stands for.
//
// Shape    kept in the queue's state under `bound/<namespace>` -> the collection's UUID, 16 bytes
// Rule     a DDL change of another collection than the bound one is not repeated: its time is over, or something was
//          lost before it. A name that is not bound accepts any
// Threads  one owner per object; the state behind it is shared
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "dualsync/queue/sync_queue.h"

namespace dualsync {

inline constexpr std::string_view kStateBound = "bound/";  // names in the queue's state

class CollectionBinding {
 public:
  explicit CollectionBinding(SyncQueue& queue) : queue_(queue) {}

  Result<void> bind(const Namespace& ns, const std::string& uuid);  // an empty uuid: forgets it
  Result<std::string> bound(const Namespace& ns) const;             // empty: not known
  // The databases (local's names) of which any collection is bound.
  Result<std::set<std::string>> bound_databases() const;
  // True if `event` may be repeated on the backup.
  Result<bool> admits(const DdlEvent& event) const;
  // After the change was repeated. A dropDatabase unbinds nothing: the drops that come before it did.
  Result<void> follow(const DdlEvent& event);

 private:
  SyncQueue& queue_;
};

}  // namespace dualsync
