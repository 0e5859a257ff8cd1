// `dualsync verify`: compares the two servers from a process of its own.
#pragma once

#include <functional>
#include <stop_token>

#include "dualsync/cli/cli_hooks.h"

namespace dualsync {

// Waits, through the daemon that uses this data directory, until the backup has all that local holds at the call;
// false: not within ten seconds. Empty: no daemon answers.
std::function<Result<bool>(std::stop_token)> ask_daemon_to_catch_up(const Settings& settings);

Result<VerifyReport> run_verify(const Settings& settings, const VerifyRequest& request, const VerifyProgress& progress);

}  // namespace dualsync
