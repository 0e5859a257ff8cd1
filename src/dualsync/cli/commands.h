// One function per command; each returns the exit code.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <vector>

#include "dualsync/cli/cli_hooks.h"
#include "dualsync/cli/terminal.h"
#include "dualsync/model/full_sync.h"

namespace dualsync {

struct CommandContext {
  const CliHooks& hooks;
  const Settings& settings;
  std::ostream& out;
  std::ostream& err;
  Style style;  // of `out`
  bool json = false;
};

int command_status(const CommandContext& context, bool watch);
int command_decide_held(const CommandContext& context, const std::string& ns, bool release);  // or discard
int command_pause(const CommandContext& context, bool pause);                                 // or resume
int command_wait(const CommandContext& context, std::chrono::seconds timeout);
struct DeadLettersRequest {
  enum class Action : std::uint8_t { kList, kShow, kRetry, kDiscard };
  Action action = Action::kList;
  std::vector<std::uint64_t> ids;  // for kRetry and kDiscard: none means all
};
int command_dead_letters(const CommandContext& context, const DeadLettersRequest& request);
int command_verify(const CommandContext& context, const VerifyRequest& request);
struct FullSyncCommand {
  enum class Action : std::uint8_t { kRun, kStatus, kCancel };
  Action action = Action::kRun;
  FullSyncRequest request;
  bool detach = false;
};
int command_full_sync(const CommandContext& context, const FullSyncCommand& command);
int command_restore(const CommandContext& context, const RestoreRequest& request);
int command_drill(const CommandContext& context, const DrillRequest& request);
int command_drain(const CommandContext& context, bool without_local);
int command_report(const CommandContext& context);
int command_doctor(const CommandContext& context);
// Settings that cannot be used are a finding too: `problem` is what is wrong with them.
int report_doctor_settings(std::ostream& out, const Style& style, bool json, const Error& problem);
int command_adopt_local(const CommandContext& context, bool confirmed);

// Prints `error` as all commands do, and gives its exit code back.
int report_error(std::ostream& out, std::ostream& err, bool json, const Error& error, int exit_code);

}  // namespace dualsync
