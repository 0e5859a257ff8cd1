#include <ostream>
#include <thread>

#include "dualsync/cli/api_client.h"
#include "dualsync/cli/commands.h"
#include "dualsync/cli/exit_codes.h"
#include "dualsync/cli/render_status.h"
#include "dualsync/cli/status_parse.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{2000};

int exit_code_of_client(const Error& error) {
  if (error.kind == ErrorKind::kConnectivity) return kExitNoDaemon;
  return error.kind == ErrorKind::kDenied ? kExitUsage : kExitFailed;
}

// One picture of the daemon.
int show_once(const CommandContext& context, const ApiClient& client) {
  const auto failed = [&](const Error& error) {
    return report_error(context.out, context.err, context.json, error, exit_code_of_client(error));
  };
  const Result<ApiAnswer> answer = client.get("/api/sync/status");
  if (!answer) return failed(answer.error());
  if (answer->status != 200) return failed(error_of_problem(*answer));
  const Result<Status> status = parse_status(answer->body);
  if (!status) return failed(status.error());
  if (context.json) {
    context.out << answer->body.dump(2) << '\n';
  } else {
    context.out << render_status(*status, context.style);
  }
  return status->verdict == Verdict::kUnhealthy ? kExitFailed : kExitOk;
}

bool pause(const CliHooks& hooks) {
  if (hooks.pause) return hooks.pause(kWatchInterval);
  std::this_thread::sleep_for(kWatchInterval);
  return true;
}

}  // namespace

int command_status(const CommandContext& context, bool watch) {
  if (!watch) return show_once(context, ApiClient(context.settings));
  for (;;) {
    context.out << (context.hooks.out_is_terminal ? kClearScreen : std::string_view());
    // A new client each time: a daemon that was restarted may have another port and token.
    const int code = show_once(context, ApiClient(context.settings));
    context.out << std::flush;
    if (code == kExitUsage || !context.out.good() || !pause(context.hooks)) return code;
    if (!context.hooks.out_is_terminal) context.out << '\n';
  }
}

}  // namespace dualsync
