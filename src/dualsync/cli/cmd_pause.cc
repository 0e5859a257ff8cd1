// `dualsync pause` and `dualsync resume`.
#include <fmt/format.h>

#include <ostream>

#include "dualsync/base/time_text.h"
#include "dualsync/cli/api_client.h"
#include "dualsync/cli/commands.h"
#include "dualsync/cli/exit_codes.h"

namespace dualsync {
namespace {

constexpr std::chrono::seconds kPatience{30};

}  // namespace

int command_pause(const CommandContext& context, bool pause) {
  const auto failed = [&](const Error& error, int code) {
    return report_error(context.out, context.err, context.json, error, code);
  };
  const ApiClient client(context.settings);
  const Result<ApiAnswer> answer = client.post(pause ? "/api/sync/pause" : "/api/sync/resume", kPatience);
  if (!answer) return failed(answer.error(), exit_code_of_daemon_error(answer.error(), false));
  if (answer->status != 200) {
    const Error error = error_of_problem(*answer);
    return failed(error, exit_code_of_daemon_error(error, true));
  }
  if (context.json) {
    context.out << answer->body.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
    return kExitOk;
  }
  const std::string waiting = human_count(answer->body.value("queueSize", std::uint64_t{0}));
  if (pause) {
    context.out << fmt::format(
        "applying is paused, {} operations waiting; capture goes on, and nothing is lost. "
        "`dualsync resume` ends the pause, a restart does not\n",
        waiting);
  } else {
    context.out << fmt::format("applying goes on, {} operations waiting\n", waiting);
  }
  return kExitOk;
}

}  // namespace dualsync
