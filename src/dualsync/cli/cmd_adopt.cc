#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "dualsync/cli/commands.h"
#include "dualsync/cli/exit_codes.h"

namespace dualsync {

int command_adopt_local(const CommandContext& context, bool confirmed) {
  const auto failed = [&](const Error& error, int code) {
    return report_error(context.out, context.err, context.json, error, code);
  };
  const Result<AdoptReport> report = context.hooks.adopt(context.settings, confirmed);
  if (!report) return failed(report.error(), exit_code_of(report.error().kind));
  const std::string waiting = fmt::format("{} waiting operations and {} dead letters of the local before it",
                                          report->operations, report->dead_letters);
  if (!report->adopted) {
    return failed({ErrorKind::kInvalidArgument,
                   fmt::format("nothing was changed: adopting local makes the backup equal to what local holds now, "
                               "documents that only the backup has are removed from it, and {} are forgotten",
                               waiting),
                   "if local is right and the backup is not, give the command again with --yes", 0},
                  kExitUsage);
  }
  if (context.json) {
    const nlohmann::ordered_json body{
        {"adopted", true}, {"forgottenOperations", report->operations}, {"forgottenDeadLetters", report->dead_letters}};
    context.out << body.dump(2) << '\n';
  } else {
    context.out << "The next `dualsync run` takes local as right, and compares and repairs the whole backup; "
                << waiting << " were forgotten.\n";
  }
  return kExitOk;
}

}  // namespace dualsync
