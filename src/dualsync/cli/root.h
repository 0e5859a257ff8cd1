// The command tree of `dualsync`: flags from the table of settings, one function per command.
//
// Errors   printed on stderr as "dualsync: ..." and "hint: ..."; the exit codes are in exit_codes.h. With --json also
//          {"error": {"code", "message", "hint"}} on stdout, so that there is always one document
#pragma once

#include "dualsync/cli/cli_hooks.h"

namespace dualsync {

int run_cli(int argc, const char* const* argv, const CliHooks& hooks);

}  // namespace dualsync
