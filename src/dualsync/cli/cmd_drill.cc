#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "dualsync/base/time_text.h"
#include "dualsync/cli/commands.h"
#include "dualsync/cli/exit_codes.h"
#include "dualsync/cli/progress_line.h"
#include "dualsync/json/value_json.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kDrilledTitle = "collection";

NamespaceReport as_compared(const DrilledNamespace& one) {
  NamespaceReport report;
  report.ns = one.ns;
  report.difference_count = one.difference_count;
  report.differences = one.differences;
  report.schema = one.problems;
  return report;
}

std::string drill_text(const DrillReport& report, const Style& style) {
  std::size_t width = kDrilledTitle.size();
  for (const DrilledNamespace& one : report.namespaces) width = std::max(width, one.ns.full().size());
  std::string text =
      style(Paint::kFaint, fmt::format("{:<{}}  {:>13}  {:>7}  {}", kDrilledTitle, width, "documents", "indexes", "")) +
      '\n';
  std::string details;
  for (const DrilledNamespace& one : report.namespaces) {
    text += fmt::format("{:<{}}  {:>13}  {:>7}  {}\n", printable(one.ns.full()), width, human_count(one.documents),
                        human_count(one.indexes),
                        one.sound() ? style(Paint::kGood, "sound") : style(Paint::kBad, "DAMAGED"));
    if (!one.sound()) details += render_differences(as_compared(one), style);
  }
  text += details;
  const std::string what =
      fmt::format("{} documents restored to {} and dropped again in {}", human_count(report.documents()),
                  printable(report.target), human_duration(static_cast<std::int64_t>(report.seconds)));
  if (!report.sound()) return text + fmt::format("\n{}: {}\n", style(Paint::kBad, "NOT PROVEN"), what);
  text += fmt::format("\n{}: {}; equal to the backup byte for byte", style(Paint::kGood, "PROVEN"), what);
  text += report.compared ? ", and to local\n"
                          : fmt::format("\nnot compared with local: {}\n", printable(report.local_note));
  if (!report.whole) text += "only a drill of everything counts as the last proven restore\n";
  return text;
}

}  // namespace

int command_drill(const CommandContext& context, const DrillRequest& request) {
  const auto failed = [&](const Error& error) {
    return report_error(context.out, context.err, context.json, error, exit_code_of(error.kind));
  };
  if (const Result<void> backup = require_backup(context.settings); !backup) return failed(backup.error());
  ProgressLine progress(context.err, context.hooks.err_is_terminal);
  const Result<DrillReport> report =
      context.hooks.drill(context.settings, request, [&](const CopyStatus& now) { progress.show(now); });
  progress.clear();
  if (!report) return failed(report.error());
  if (context.json) {
    context.out << drill_report_json(*report).dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    context.out << drill_text(*report, context.style);
  }
  return report->sound() ? kExitOk : kExitFailed;
}

}  // namespace dualsync
