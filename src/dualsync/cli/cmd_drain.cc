// `dualsync drain --without-local`.
#include <fmt/format.h>

#include <ostream>

#include "dualsync/base/time_text.h"
#include "dualsync/cli/commands.h"
#include "dualsync/cli/exit_codes.h"
#include "dualsync/cli/progress_line.h"
#include "dualsync/cli/render_status.h"
#include "dualsync/codec/bson.h"
#include "dualsync/json/value_json.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShown = 20;

std::string name_of(const Namespace& ns) {
  if (ns.db.empty()) return "everything";
  return ns.collection.empty() ? "all of " + ns.db : ns.full();
}

Json to_json_body(const DrainReport& report) {
  Json body{{"complete", report.complete()},
            {"sent", report.sent},
            {"fieldOrderUnsure", report.loose},
            {"deadLetters", report.dead_letters},
            {"capturedUntil", op_time_json(report.captured_until)}};
  body["left"] = queue_listing_json(report.left);
  body["ranges"] = Json::array();
  for (const DrainReport::Range& range : report.ranges)
    body["ranges"].push_back({{"namespace", name_of(range.ns)}, {"reason", range.reason}});
  return body;
}

void print_text(const CommandContext& context, const DrainReport& report) {
  std::ostream& out = context.out;
  out << fmt::format("{} operations sent\n", human_count(report.sent));
  if (report.loose > 0) {
    out << fmt::format(
        "note  in {} documents new fields may stand in another order than on local; their values are right\n",
        human_count(report.loose));
  }
  for (std::size_t i = 0; i < report.left.operations.size() && i < kShown; ++i) {
    const ListedOperation& op = report.left.operations[i];
    const std::string key = op.document_key.empty() ? "" : " " + printable(to_json(op.document_key));
    out << fmt::format("left  {:<8} {}{}\n", to_string(op.kind), printable(op.ns.full()), key);
  }
  if (report.left.total > kShown) {
    out << fmt::format("left  {} operations more; --json names them\n",
                       human_count(report.left.total - std::min<std::uint64_t>(report.left.total, kShown)));
  }
  for (const DrainReport::Range& range : report.ranges)
    out << fmt::format("left  to be compared with local: {} ({})\n", printable(name_of(range.ns)),
                       printable(range.reason));
  if (report.dead_letters > 0)
    out << fmt::format("left  {} dead letters that the backup refuses\n", human_count(report.dead_letters));
  const std::string until = utc_text(report.captured_until);
  if (report.complete()) {
    out << fmt::format("{}: the backup holds every change that was read from local, up to {}\n",
                       context.style(Paint::kGood, "COMPLETE"), until);
  } else {
    out << fmt::format("{}: what is left needs local itself; changes had been read up to {}\n",
                       context.style(Paint::kWarning, "NOT COMPLETE"), until);
  }
  out << "next: `dualsync restore` into a new local, then `dualsync adopt-local`\n";
}

}  // namespace

int command_drain(const CommandContext& context, bool without_local) {
  const auto failed = [&](const Error& error, int code) {
    return report_error(context.out, context.err, context.json, error, code);
  };
  if (!without_local) {
    return failed({ErrorKind::kInvalidArgument, "drain is for a local that is lost, and needs --without-local",
                   "with a local that runs, `dualsync wait` returns when everything is on the backup", 0},
                  kExitUsage);
  }
  if (const Result<void> backup = require_backup(context.settings); !backup) return failed(backup.error(), kExitUsage);
  ProgressLine progress(context.err, context.hooks.err_is_terminal);
  const Result<DrainReport> report =
      context.hooks.drain(context.settings, [&](const CopyStatus& now) { progress.show(now); });
  progress.clear();
  if (!report) return failed(report.error(), exit_code_of(report.error().kind));
  if (context.json) {
    context.out << to_json_body(*report).dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    print_text(context, *report);
  }
  return report->complete() ? kExitOk : kExitExceptions;
}

}  // namespace dualsync
