// `dualsync full-sync`: asks the daemon for it and follows it.
#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <thread>

#include "dualsync/base/time_text.h"
#include "dualsync/cli/api_client.h"
#include "dualsync/cli/commands.h"
#include "dualsync/cli/exit_codes.h"
#include "dualsync/cli/progress_line.h"
#include "dualsync/cli/render_status.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kPath = "/api/sync/full-sync";
constexpr std::chrono::seconds kStartPatience{60};  // it lists the collections of both sides first
constexpr std::chrono::milliseconds kPoll{300};

CopyStatus progress_of(const Json& body) {
  CopyStatus status;
  status.running = true;
  status.namespaces_total = body.at("namespacesTotal").get<std::uint64_t>();
  status.namespaces_done = body.at("namespacesDone").get<std::uint64_t>();
  status.documents_total = body.at("documentsTotal").get<std::uint64_t>();
  status.documents_done = body.at("documentsDone").get<std::uint64_t>();
  for (const Json& part : body.at("namespaces")) {
    if (part.at("state") == "running") status.current = part.at("namespace").get<std::string>();
  }
  return status;
}

std::string render(const Json& body, const Style& style) {
  std::string text;
  for (const Json& part : body.at("namespaces")) {
    const auto repairs = part.at("repairs").get<std::uint64_t>();
    const auto kept = part.at("kept").get<std::uint64_t>();
    if (repairs + kept == 0) continue;
    text += fmt::format("{}  {}", printable(part.at("namespace").get<std::string>()), plural(repairs, "repair"));
    if (kept > 0) text += fmt::format(", {} only on the backup kept", plural(kept, "document"));
    text += '\n';
  }
  const std::string state = body.at("state").get<std::string>();
  const auto repairs = body.at("repairs").get<std::uint64_t>();
  const std::string compared =
      fmt::format("{} in {}", plural(body.at("documentsDone").get<std::uint64_t>(), "document"),
                  plural(body.at("namespacesTotal").get<std::uint64_t>(), "collection"));
  if (state == "cancelled") {
    return text + fmt::format("{}: {} of {} done, {} sent\n", style(Paint::kWarning, "CANCELLED"),
                              human_count(body.at("namespacesDone").get<std::uint64_t>()),
                              plural(body.at("namespacesTotal").get<std::uint64_t>(), "collection"),
                              plural(repairs, "repair"));
  }
  return text + fmt::format("{}: {} compared, {}\n", style(Paint::kGood, "DONE"), compared, plural(repairs, "repair"));
}

std::string render_state(const Json& body, const Style& style) {
  const std::string state = body.at("state").get<std::string>();
  if (state == "none") return "no full sync was asked for yet\n";
  if (state != "running") return render(body, style);
  std::string text = render_progress(progress_of(body), 0);
  if (body.at("etaSeconds").is_number())
    text += fmt::format(", about {} left", human_duration(body.at("etaSeconds").get<std::int64_t>()));
  return text + '\n';
}

// How the one ends that `started` tells of.
Result<Json> follow(const CommandContext& context, const ApiClient& client, const Json& started) {
  ProgressLine progress(context.err, context.hooks.err_is_terminal);
  for (;;) {
    auto answer = client.get(std::string(kPath));
    if (!answer) return answer.error();
    if (answer->status != 200) return error_of_problem(*answer);
    const Json& body = answer->body;
    if (body.at("id") != started.at("id") || body.at("state") != "running") {
      progress.clear();
      return body;
    }
    progress.show(progress_of(body));
    if (context.hooks.pause) {
      if (!context.hooks.pause(kPoll)) return body;
    } else {
      std::this_thread::sleep_for(kPoll);
    }
  }
}

Result<ApiAnswer> ask(const ApiClient& client, const FullSyncCommand& command) {
  using Action = FullSyncCommand::Action;
  if (command.action == Action::kCancel) return client.remove(std::string(kPath));
  if (command.action == Action::kStatus) return client.get(std::string(kPath));
  Json body;
  body["namespaces"] = command.request.namespaces;
  body["keepExtra"] = command.request.keep_extra;
  return client.post(std::string(kPath), kStartPatience, body);
}

}  // namespace

int command_full_sync(const CommandContext& context, const FullSyncCommand& command) {
  using Action = FullSyncCommand::Action;
  const auto failed = [&](const Error& error, bool from_daemon) {
    return report_error(context.out, context.err, context.json, error, exit_code_of_daemon_error(error, from_daemon));
  };
  const auto print = [&](const Json& body, const std::string& text) {
    context.out << (context.json ? body.dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : text);
  };
  const ApiClient client(context.settings);
  const Result<ApiAnswer> answer = ask(client, command);
  if (!answer) return failed(answer.error(), false);
  if (answer->status != 200 && answer->status != 202) return failed(error_of_problem(*answer), true);
  try {
    if (command.action != Action::kRun || command.detach) {
      print(answer->body, render_state(answer->body, context.style));
      return kExitOk;
    }
    context.err << "started; Ctrl-C ends this view, `dualsync full-sync --cancel` the work\n";
    const Result<Json> ended = follow(context, client, answer->body);
    if (!ended) return failed(ended.error(), false);
    print(*ended, render(*ended, context.style));
    return ended->at("state") == "done" ? kExitOk : kExitFailed;
  } catch (const Json::exception& error) {
    return failed({ErrorKind::kInvalidArgument, fmt::format("the daemon's answer is not understood: {}", error.what()),
                   "the daemon and this command must be of the same version", 0},
                  true);
  }
}

}  // namespace dualsync
