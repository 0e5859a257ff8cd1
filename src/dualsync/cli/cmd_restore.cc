#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "dualsync/base/time_text.h"
#include "dualsync/cli/commands.h"
#include "dualsync/cli/exit_codes.h"
#include "dualsync/cli/progress_line.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

Json restore_json(const RestoreReport& report) {
  Json body{
      {"dryRun", report.dry_run}, {"target", report.target}, {"proven", !report.dry_run}, {"seconds", report.seconds}};
  if (report.dry_run) body["refusal"] = report.refusal.empty() ? Json(nullptr) : Json(report.refusal);
  body["namespaces"] = Json::array();
  for (const RestoredNamespace& one : report.namespaces) {
    body["namespaces"].push_back({{"namespace", one.ns.full()},
                                  {"type", one.type},
                                  {"before", to_string(one.before)},
                                  {"documents", one.documents},
                                  {"written", one.written},
                                  {"evicted", one.evicted},
                                  {"indexes", one.indexes}});
  }
  return body;
}

std::string restore_text(const RestoreReport& report, const Style& style) {
  std::size_t width = std::string_view("on the target").size();
  std::uint64_t documents = 0;
  for (const RestoredNamespace& one : report.namespaces) width = std::max(width, one.ns.full().size());
  std::string text = style(Paint::kFaint, fmt::format("{:<{}}  {:<10}  {:>13}  {:>13}  {:>7}", "on the target", width,
                                                      "before", "documents", "written", "indexes")) +
                     '\n';
  for (const RestoredNamespace& one : report.namespaces) {
    documents += one.documents;
    text +=
        fmt::format("{:<{}}  {:<10}  {:>13}  {:>13}  {:>7}\n", printable(one.ns.full()), width, to_string(one.before),
                    human_count(one.documents), human_count(one.written), human_count(one.indexes));
  }
  if (report.dry_run && !report.refusal.empty()) {
    return text + fmt::format("\n{}: without --force nothing would be restored: {}\n",
                              style(Paint::kBad, "DRY RUN"), printable(report.refusal));
  }
  if (report.dry_run) {
    return text + fmt::format("\n{}: about {} documents would be restored to {}; nothing was changed\n",
                              style(Paint::kWarning, "DRY RUN"), human_count(documents), printable(report.target));
  }
  return text + fmt::format("\n{}: {} documents on {}, proven equal to the backup byte for byte, in {}\n",
                            style(Paint::kGood, "RESTORED"), human_count(documents), printable(report.target),
                            human_duration(static_cast<std::int64_t>(report.seconds)));
}

}  // namespace

int command_restore(const CommandContext& context, const RestoreRequest& request) {
  const auto failed = [&](const Error& error) {
    return report_error(context.out, context.err, context.json, error, exit_code_of(error.kind));
  };
  if (const Result<void> backup = require_backup(context.settings); !backup) return failed(backup.error());
  ProgressLine progress(context.err, context.hooks.err_is_terminal);
  const Result<RestoreReport> report =
      context.hooks.restore(context.settings, request, [&](const CopyStatus& now) { progress.show(now); });
  progress.clear();
  if (!report) return failed(report.error());
  // A dry run ends as the restore itself would.
  const int code = report->refusal.empty() ? kExitOk : kExitFailed;
  if (context.json) {
    context.out << restore_json(*report).dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    return code;
  }
  context.out << restore_text(*report, context.style);
  if (!report->dry_run && request.to.empty()) {
    context.err
        << "hint: if this local is a new one, `dualsync adopt-local --yes` lets the mirror go on with it; what is "
           "equal is not sent again\n";
  }
  return code;
}

}  // namespace dualsync
