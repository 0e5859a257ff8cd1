// `dualsync release` and `dualsync discard`.
#include <fmt/format.h>

#include <ostream>

#include "dualsync/base/time_text.h"
#include "dualsync/cli/api_client.h"
#include "dualsync/cli/commands.h"
#include "dualsync/cli/exit_codes.h"
#include "dualsync/model/namespace.h"

namespace dualsync {
namespace {

constexpr std::chrono::minutes kDecisionPatience{10};  // a million documents take a while

}  // namespace

int command_decide_held(const CommandContext& context, const std::string& ns, bool release) {
  const auto failed = [&](const Error& error, int code) {
    return report_error(context.out, context.err, context.json, error, code);
  };
  if (Namespace::parse(ns).collection.empty() || Namespace::parse(ns).db.empty()) {
    return failed({ErrorKind::kInvalidArgument, "no collection is named " + printable(ns),
                   "name database and collection, as `shop.bills`; `dualsync status` names those that are held", 0},
                  kExitUsage);
  }
  const ApiClient client(context.settings);
  const Result<ApiAnswer> answer =
      client.post(release ? "/api/sync/release" : "/api/sync/discard", kDecisionPatience, {{"namespace", ns}});
  if (!answer) return failed(answer.error(), exit_code_of_daemon_error(answer.error(), false));
  if (answer->status != 202) {
    const Error error = error_of_problem(*answer);
    return failed(error, exit_code_of_daemon_error(error, true));
  }
  if (context.json) {
    context.out << answer->body.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
    return kExitOk;
  }
  const std::string documents = human_count(answer->body.value("documents", std::uint64_t{0}));
  if (release) {
    context.out << fmt::format(
        "{}: {} held documents are looked up on local again; those that it no longer has are deleted on the backup\n",
        printable(ns), documents);
  } else {
    context.out << fmt::format("{}: {} held documents stay on the backup, though local no longer has them\n",
                               printable(ns), documents);
  }
  return kExitOk;
}

}  // namespace dualsync
