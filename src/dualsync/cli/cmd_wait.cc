#include <fmt/format.h>

#include <ostream>

#include "dualsync/base/time_text.h"
#include "dualsync/cli/api_client.h"
#include "dualsync/cli/commands.h"
#include "dualsync/cli/exit_codes.h"
#include "dualsync/cli/render_status.h"
#include "dualsync/cli/status_parse.h"

namespace dualsync {
namespace {

constexpr std::chrono::seconds kAnswerMargin{15};  // for the answer itself, beyond the wait

struct Waited {
  bool done = false;
  std::uint64_t exceptions = 0;
  std::uint64_t held = 0;  // of them: deletes that the mass-delete guard holds
  OpTime target;
  std::string blocked_by;
};

Result<Waited> parse_waited(const nlohmann::ordered_json& body) {
  try {
    Waited waited;
    body.at("done").get_to(waited.done);
    body.at("exceptions").get_to(waited.exceptions);
    body.at("heldDeletes").get_to(waited.held);
    body.at("blockedBy").get_to(waited.blocked_by);
    waited.target = parse_op_time(body.at("target"));
    return waited;
  } catch (const nlohmann::ordered_json::exception& error) {
    return Error{ErrorKind::kInvalidArgument, fmt::format("the daemon's answer is not understood: {}", error.what()),
                 "the daemon and this command must be of the same version", 0};
  }
}

int exit_code_of_wait(const Error& error, bool from_daemon) {
  if (error.kind == ErrorKind::kStopped) return kExitNoDaemon;
  if (error.kind == ErrorKind::kConnectivity) return from_daemon ? kExitUnreachable : kExitNoDaemon;
  return error.kind == ErrorKind::kDenied ? kExitUsage : kExitFailed;
}

}  // namespace

int command_wait(const CommandContext& context, std::chrono::seconds timeout) {
  const auto failed = [&](const Error& error, bool from_daemon) {
    return report_error(context.out, context.err, context.json, error, exit_code_of_wait(error, from_daemon));
  };
  const ApiClient client(context.settings);
  const Result<ApiAnswer> answer =
      client.post(fmt::format("/api/sync/wait?timeoutSeconds={}", timeout.count()), timeout + kAnswerMargin);
  if (!answer) return failed(answer.error(), false);
  const bool in_time = answer->status == 200;
  if (!in_time && answer->status != 504) return failed(error_of_problem(*answer), true);
  const Result<Waited> waited = parse_waited(answer->body);
  if (!waited) return failed(waited.error(), true);
  if (context.json) {
    nlohmann::ordered_json body;
    for (const char* name : {"done", "exceptions", "deadLetters", "heldDeletes", "target", "applied", "blockedBy"})
      body[name] = answer->body[name];
    context.out << body.dump(2) << '\n';
  }
  if (!in_time || !waited->done) {
    context.err << fmt::format("dualsync: not everything is on the backup after {}{}\n",
                               human_duration(timeout.count()),
                               waited->blocked_by.empty() ? "" : ": " + printable(waited->blocked_by))
                << "hint: `dualsync status` shows what it is doing; `--timeout` gives it longer\n";
    return kExitTimedOut;
  }
  if (waited->exceptions > 0) {
    const std::uint64_t refused = waited->exceptions - waited->held;
    std::string but = refused == 0 ? "" : refused == 1 ? "one operation" : human_count(refused) + " operations";
    if (refused > 0) but += " that it refuses";
    if (waited->held > 0) but += (refused > 0 ? " and " : "") + human_count(waited->held) + " held deletes";
    context.err << fmt::format("dualsync: everything is on the backup but {}\n", but);
    if (refused > 0) context.err << "hint: `dualsync dead-letters list` names each with its reason\n";
    if (waited->held > 0) context.err << "hint: `dualsync status` names their collections, and how to decide\n";
    return kExitExceptions;
  }
  if (!context.json) context.out << fmt::format("every write up to {} is on the backup\n", utc_text(waited->target));
  return kExitOk;
}

}  // namespace dualsync
