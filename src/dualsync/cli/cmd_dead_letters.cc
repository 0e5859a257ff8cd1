#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "dualsync/base/time_text.h"
#include "dualsync/cli/api_client.h"
#include "dualsync/cli/commands.h"
#include "dualsync/cli/exit_codes.h"

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;
using LetterAction = DeadLettersRequest::Action;

constexpr int kListMax = 10'000;  // of one answer of the API
constexpr std::chrono::seconds kRetryPatience{15};

int fail(const CommandContext& context, const Error& error) {
  const bool no_daemon = error.kind == ErrorKind::kConnectivity || error.kind == ErrorKind::kStopped;
  const int code = no_daemon                                   ? kExitNoDaemon
                   : error.kind == ErrorKind::kDenied          ? kExitUsage
                   : error.kind == ErrorKind::kInvalidArgument ? kExitUsage
                                                               : kExitFailed;
  return report_error(context.out, context.err, context.json, error, code);
}

Result<Json> fetch(const ApiClient& client) {
  auto answer = client.get(fmt::format("/api/sync/dead-letters?limit={}", kListMax));
  if (!answer) return answer.error();
  if (answer->status != 200) return error_of_problem(*answer);
  const auto letters = answer->body.find("deadLetters");
  if (letters == answer->body.end() || !letters->is_array() || !answer->body.contains("total")) {
    return Error{ErrorKind::kInvalidArgument, "the daemon's answer is not understood",
                 "the daemon and this command must be of the same version", 0};
  }
  return std::move(answer->body);
}

std::string text_of(const Json& letter, const char* name) {
  const auto found = letter.find(name);
  if (found == letter.end() || found->is_null()) return "";
  return printable(found->is_string() ? found->get<std::string>() : found->dump());
}

void print_table(const CommandContext& context, const Json& body) {
  const Json& letters = body["deadLetters"];
  if (letters.empty()) {
    context.out << "no dead letters\n";
    return;
  }
  std::size_t width = 9;
  for (const Json& letter : letters) width = std::max(width, text_of(letter, "namespace").size());
  context.out << context.style(Paint::kFaint, fmt::format("{:>8}  {:<{}}  {:<8}  {:>5}  {:<24}  {}", "id", "namespace",
                                                          width, "type", "tries", "last", "key and reason"))
              << '\n';
  for (const Json& letter : letters) {
    context.out << fmt::format("{:>8}  {:<{}}  {:<8}  {:>5}  {:<24}  {}  {}\n", text_of(letter, "id"),
                               text_of(letter, "namespace"), width, text_of(letter, "type"),
                               text_of(letter, "attempts"), text_of(letter, "last"), text_of(letter, "documentKey"),
                               text_of(letter, "reason"));
  }
  const auto total = body["total"].get<std::uint64_t>();
  if (total > letters.size()) {
    context.out << context.style(Paint::kFaint, fmt::format("and {} more", human_count(total - letters.size())))
                << '\n';
  }
}

int show(const CommandContext& context, const Json& body, std::uint64_t id) {
  for (const Json& letter : body["deadLetters"]) {
    if (letter.value("id", std::uint64_t{0}) != id) continue;
    if (context.json) {
      context.out << letter.dump(2) << '\n';
      return kExitOk;
    }
    for (const char* name : {"id", "namespace", "documentKey", "type", "reason", "code", "attempts", "first", "last"})
      context.out << fmt::format("{:<12} {}\n", name, text_of(letter, name));
    return kExitOk;
  }
  return fail(context, {ErrorKind::kNotFound, fmt::format("there is no dead letter {}", id),
                        "`dualsync dead-letters list` shows those that are open", 0});
}

// Each id on its own, so that one that is gone meanwhile keeps none of the others back.
int act(const CommandContext& context, const ApiClient& client, LetterAction action,
        const std::vector<std::uint64_t>& ids) {
  std::vector<std::uint64_t> done;
  int code = kExitOk;
  for (const std::uint64_t id : ids) {
    const std::string path = fmt::format("/api/sync/dead-letters/{}", id);
    auto answer = action == LetterAction::kRetry ? client.post(path + "/retry", kRetryPatience) : client.remove(path);
    if (!answer) return fail(context, answer.error());
    if (answer->status / 100 == 2) {
      done.push_back(id);
      continue;
    }
    const Error error = error_of_problem(*answer);
    context.err << fmt::format("dualsync: {}\n", printable(error.message));
    code = kExitFailed;
  }
  const bool retry = action == LetterAction::kRetry;
  if (context.json) {
    context.out << Json{{retry ? "queued" : "discarded", done}}.dump(2) << '\n';
  } else {
    context.out << fmt::format("{} of {} {}\n", done.size(), ids.size(),
                               retry ? "queued to be sent as local holds them now" : "discarded");
  }
  return code;
}

}  // namespace

int command_dead_letters(const CommandContext& context, const DeadLettersRequest& request) {
  const ApiClient client(context.settings);
  const bool acts = request.action == LetterAction::kRetry || request.action == LetterAction::kDiscard;
  if (acts && !request.ids.empty()) return act(context, client, request.action, request.ids);
  auto body = fetch(client);
  if (!body) return fail(context, body.error());
  if (acts) {
    std::vector<std::uint64_t> ids;
    for (const Json& letter : (*body)["deadLetters"]) ids.push_back(letter.value("id", std::uint64_t{0}));
    return act(context, client, request.action, ids);
  }
  if (request.action == LetterAction::kShow) return show(context, *body, request.ids.front());
  if (context.json) {
    context.out << body->dump(2) << '\n';
  } else {
    print_table(context, *body);
  }
  return kExitOk;
}

}  // namespace dualsync
