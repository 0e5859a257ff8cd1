// `dualsync doctor`.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "dualsync/base/redact.h"
#include "dualsync/cli/commands.h"
#include "dualsync/cli/exit_codes.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;
using State = CheckOutcome::State;

std::string mark(State state, const Style& style) {
  switch (state) {
    case State::kOk: return style(Paint::kGood, "OK     ");
    case State::kWarning: return style(Paint::kWarning, "WARNING");
    case State::kFailed: return style(Paint::kBad, "FAILED ");
    case State::kSkipped: return style(Paint::kFaint, "SKIPPED");
  }
  return "?";
}

std::string plural(std::size_t count, std::string_view one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

void print_text(std::ostream& out, const Style& style, const DoctorReport& report) {
  std::size_t width = 0;
  for (const CheckOutcome& one : report.checks) width = std::max(width, one.name.size());
  for (const CheckOutcome& one : report.checks) {
    out << fmt::format("{}  {:<{}}  {}\n", mark(one.state, style), one.name, width, printable(redact(one.message)));
    if (one.state != State::kOk && !one.hint.empty())
      out << fmt::format("{:>{}}hint: {}\n", "", 11 + width, printable(redact(one.hint)));
  }
  const std::size_t failed = report.count(State::kFailed);
  const std::size_t warnings = report.count(State::kWarning);
  if (failed + warnings == 0) {
    out << style(Paint::kGood, "everything that the mirror needs is there") << '\n';
  } else {
    out << fmt::format("{} failed, {}\n", plural(failed, "check"), plural(warnings, "warning"));
  }
}

Json report_json(const DoctorReport& report) {
  Json body{
      {"sound", report.sound()}, {"failed", report.count(State::kFailed)}, {"warnings", report.count(State::kWarning)}};
  body["checks"] = Json::array();
  for (const CheckOutcome& one : report.checks) {
    body["checks"].push_back({{"name", one.name},
                              {"state", to_string(one.state)},
                              {"message", redact(one.message)},
                              {"hint", redact(one.hint)}});
  }
  return body;
}

int print(std::ostream& out, const Style& style, bool json, const DoctorReport& report) {
  if (json) {
    out << report_json(report).dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    print_text(out, style, report);
  }
  return report.sound() ? kExitOk : kExitFailed;
}

}  // namespace

int report_doctor_settings(std::ostream& out, const Style& style, bool json, const Error& problem) {
  print(out, style, json, {{{"settings", State::kFailed, problem.message, problem.hint}}});
  return kExitUsage;
}

int command_doctor(const CommandContext& context) {
  return print(context.out, context.style, context.json, context.hooks.doctor(context.settings));
}

}  // namespace dualsync
