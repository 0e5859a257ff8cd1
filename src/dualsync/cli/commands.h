// One function per command; each returns the exit code.
#pragma once

#include <iosfwd>

#include "dualsync/cli/cli_hooks.h"
#include "dualsync/cli/terminal.h"

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
int command_wait(const CommandContext& context, std::chrono::seconds timeout);
int command_verify(const CommandContext& context, const VerifyRequest& request);

// Prints `error` as all commands do, and gives its exit code back.
int report_error(std::ostream& out, std::ostream& err, bool json, const Error& error, int exit_code);

}  // namespace dualsync
