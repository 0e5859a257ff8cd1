// What a restore would do, or did.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/model/namespace.h"

namespace dualsync {

enum class TargetState : std::uint8_t { kAbsent, kEmpty, kUnfinished, kFilled };
constexpr std::string_view to_string(TargetState state) {
  switch (state) {
    case TargetState::kAbsent: return "absent";
    case TargetState::kEmpty: return "empty";
    case TargetState::kUnfinished: return "unfinished";  // of a restore that was interrupted
    case TargetState::kFilled: return "filled";
  }
  return "unknown";
}

struct RestoredNamespace {
  Namespace ns;                 // on the target
  std::string type;             // collection, view, timeseries
  std::uint64_t documents = 0;  // of the backup; before the copy, the server's estimate
  std::uint64_t written = 0;    // inserted, replaced or removed on the target
  std::uint64_t indexes = 0;    // that on `_id` included
  std::uint64_t evicted = 0;    // of a capped collection: documents of the backup for which it has no room
  TargetState before = TargetState::kAbsent;
  Namespace local{};      // as local names it
  std::string problem{};  // why it is not restored or not proven; only where a restore goes on in spite of it
};

struct RestoreReport {
  std::vector<RestoredNamespace> namespaces;
  bool dry_run = false;  // nothing was changed; else everything is proven equal to the backup
  std::string refusal;   // of a dry run: why the restore itself would change nothing; empty: it would begin
  std::string target;    // hosts, without credentials
  double seconds = 0;
};

}  // namespace dualsync
