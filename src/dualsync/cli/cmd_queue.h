// `dualsync queue list | check | export | import | clear`.
//
// Rule     list, check and export write nothing and work beside a running daemon; import and clear need it stopped
#pragma once

#include <cstdint>
#include <string>

#include "dualsync/cli/commands.h"

namespace dualsync {

struct QueueRequest {
  enum class Action : std::uint8_t { kList, kCheck, kExport, kImport, kClear };
  Action action = Action::kList;
  std::uint64_t limit = 20;
  std::string file;  // of export (empty: stdout) and import
  bool as_recorded = false;
  bool yes = false;
};

int command_queue(const CommandContext& context, const QueueRequest& request);

}  // namespace dualsync
