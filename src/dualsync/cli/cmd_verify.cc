#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "dualsync/cli/commands.h"
#include "dualsync/cli/exit_codes.h"
#include "dualsync/cli/progress_line.h"
#include "dualsync/cli/render_verify.h"
#include "dualsync/model/scope.h"

namespace dualsync {
namespace {

// A name that nothing answers to must not pass as "equal". Empty: each has its collection.
std::string name_without_collection(const VerifyRequest& request, const VerifyReport& report) {
  for (const std::string& name : request.namespaces) {
    const auto matches = [&](const NamespaceReport& one) {
      return glob_matches(name, one.ns.full()) || glob_matches(name, one.ns.collection);
    };
    if (std::none_of(report.namespaces.begin(), report.namespaces.end(), matches)) return name;
  }
  return {};
}

}  // namespace

int command_verify(const CommandContext& context, const VerifyRequest& request) {
  const auto failed = [&](const Error& error) {
    return report_error(context.out, context.err, context.json, error, exit_code_of(error.kind));
  };
  if (const Result<void> backup = require_backup(context.settings); !backup) return failed(backup.error());
  ProgressLine progress(context.err, context.hooks.err_is_terminal);
  const Result<VerifyReport> report =
      context.hooks.verify(context.settings, request, [&](const CopyStatus& now) { progress.show(now); });
  progress.clear();
  if (!report) return failed(report.error());
  if (const std::string name = name_without_collection(request, *report); !name.empty()) {
    return failed({ErrorKind::kInvalidArgument, fmt::format("no mirrored collection is named {}", printable(name)),
                   "names are `collection` or `database.collection`, `*` stands for any characters", 0});
  }
  if (context.json) {
    context.out << verify_json(*report).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  } else {
    context.out << render_verify(*report, context.style);
  }
  return report->equal() ? kExitOk : kExitFailed;
}

}  // namespace dualsync
