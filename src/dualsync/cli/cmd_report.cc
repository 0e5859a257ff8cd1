// `dualsync report`.
#include <ostream>

#include "dualsync/cli/api_client.h"
#include "dualsync/cli/commands.h"
#include "dualsync/cli/exit_codes.h"

namespace dualsync {

int command_report(const CommandContext& context) {
  const auto failed = [&](const Error& error, bool from_daemon) {
    return report_error(context.out, context.err, context.json, error, exit_code_of_daemon_error(error, from_daemon));
  };
  const Result<ApiAnswer> answer = ApiClient(context.settings).get("/api/sync/report");
  if (!answer) return failed(answer.error(), false);
  if (answer->status != 200) return failed(error_of_problem(*answer), true);
  if (context.json) {
    context.out << answer->body.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
    return kExitOk;
  }
  const auto words = answer->body.find("words");
  if (words == answer->body.end() || !words->is_array()) {
    return failed({ErrorKind::kInvalidArgument, "the daemon's answer is not understood",
                   "the daemon and this command must be of the same version", 0},
                  true);
  }
  for (const auto& sentence : *words) {
    if (sentence.is_string()) context.out << printable(sentence.get<std::string>()) << '\n';
  }
  return kExitOk;
}

}  // namespace dualsync
