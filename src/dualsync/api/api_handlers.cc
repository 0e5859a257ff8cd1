// The answers, one function for each route.
#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "dualsync/api/api_server_impl.h"
#include "dualsync/api/full_sync_json.h"
#include "dualsync/api/json_views.h"
#include "dualsync/api/query.h"
#include "dualsync/json/report_json.h"

namespace dualsync {
namespace {

constexpr int kWaitTimeoutDefault = 60;     // seconds
constexpr int kWaitTimeoutMax = 24 * 3600;  // seconds

constexpr int kDeadLettersDefault = 100;  // in one answer
constexpr int kDeadLettersMax = 10'000;
constexpr std::string_view kDeadLetters = "/api/sync/dead-letters";

using httplib::Request;
using httplib::Response;

// The number in `path` where the routes of dead letters have {id}.
Result<SeqNo> dead_letter_id(std::string_view path) {
  std::string_view text = path.substr(kDeadLetters.size() + 1);
  text = text.substr(0, text.find('/'));
  SeqNo id = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (code == std::errc() && end == text.data() + text.size() && id > 0) return id;
  return Error{ErrorKind::kInvalidArgument, "the id of a dead letter is a whole number from 1 on",
               "GET /api/sync/dead-letters shows those that are open", 0};
}

}  // namespace

void answer(Response& response, int status, const nlohmann::ordered_json& body) {
  response.status = status;
  response.set_content(body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace), "application/json");
}

void answer(Response& response, const Problem& problem) {
  response.status = problem.status;
  response.set_content(to_json_text(problem), "application/problem+json");
}

void answer_not_found(Response& response) {
  Problem problem;
  problem.status = 404;
  problem.code = "not-found";
  problem.detail = "there is nothing at this path";
  answer(response, problem);
}

void answer_busy(Response& response, std::string code, std::string detail, std::string hint, int seconds) {
  Problem problem;
  problem.status = 429;
  problem.code = std::move(code);
  problem.detail = std::move(detail);
  problem.hint = std::move(hint);
  response.set_header("Retry-After", std::to_string(seconds));
  answer(response, problem);
}

void ApiServer::Impl::get_metrics(const Request& /*request*/, Response& response) {
  answer(response, 200, metrics_json(control.status()));
}

void ApiServer::Impl::get_report(const Request& /*request*/, Response& response) {
  answer(response, 200, day_report_json(control.report(), control.status()));
}

void ApiServer::Impl::get_prometheus(const Request& /*request*/, Response& response) {
  response.status = 200;
  response.set_content(control.prometheus_text(), "text/plain; version=0.0.4; charset=utf-8");
}

void ApiServer::Impl::get_health(const Request& /*request*/, Response& response) {
  const Status status = control.status();
  answer(response, health_http_status(status.verdict), health_json(status));
}

void ApiServer::Impl::get_status(const Request& /*request*/, Response& response) {
  answer(response, 200, status_json(control.status()));
}

void ApiServer::Impl::post_wait(const Request& request, Response& response) {
  const auto given = number_parameter(request, "timeoutSeconds", kWaitTimeoutMax);
  if (!given) return answer(response, problem_of(given.error()));
  const std::chrono::seconds timeout(given->value_or(kWaitTimeoutDefault));
  const Place place(waiting, kWaitsMax);
  if (!place.granted()) {
    return answer_busy(response, "too-many-waits", fmt::format("{} calls are waiting already", kWaitsMax),
                       "try again when one of them has ended", 1);
  }
  const Result<WaitOutcome> outcome = control.wait(timeout);
  if (!outcome) return answer(response, problem_of(outcome.error()));
  if (outcome->kind != WaitOutcome::Kind::kTimedOut) return answer(response, 200, wait_json(*outcome));
  Problem problem;
  problem.status = 504;
  problem.code = "wait-timed-out";
  problem.detail = fmt::format("not everything is on the backup after {} s", timeout.count());
  if (!outcome->blocked_by.empty()) problem.detail += ": " + outcome->blocked_by;
  problem.extra = wait_json(*outcome);
  answer(response, problem);
}

void ApiServer::Impl::get_dead_letters(const Request& request, Response& response) {
  const auto limit = number_parameter(request, "limit", kDeadLettersMax);
  if (!limit) return answer(response, problem_of(limit.error()));
  const auto letters = control.dead_letters(static_cast<std::size_t>(limit->value_or(kDeadLettersDefault)));
  if (!letters) return answer(response, problem_of(letters.error()));
  answer(response, 200, dead_letters_json(*letters, control.status().dead_letters));
}

void ApiServer::Impl::retry_dead_letter(const Request& request, Response& response) {
  const auto id = dead_letter_id(request.path);
  if (!id) return answer(response, problem_of(id.error()));
  if (const auto done = control.retry_dead_letter(*id); !done) return answer(response, problem_of(done.error()));
  answer(response, 202, {{"id", *id}, {"queued", true}});
}

void ApiServer::Impl::discard_dead_letter(const Request& request, Response& response) {
  const auto id = dead_letter_id(request.path);
  if (!id) return answer(response, problem_of(id.error()));
  if (const auto done = control.discard_dead_letter(*id); !done) return answer(response, problem_of(done.error()));
  answer(response, 200, {{"id", *id}, {"discarded", true}});
}

void ApiServer::Impl::get_full_sync(const Request& /*request*/, Response& response) {
  answer(response, 200, full_sync_json(control.full_sync()));
}

void ApiServer::Impl::post_full_sync(const Request& request, Response& response) {
  const auto wanted = parse_full_sync_request(request.body);
  if (!wanted) return answer(response, problem_of(wanted.error()));
  const auto started = control.start_full_sync(*wanted);
  if (!started) return answer(response, problem_of(started.error()));
  answer(response, 202, full_sync_json(*started));
}

void ApiServer::Impl::delete_full_sync(const Request& /*request*/, Response& response) {
  const auto cancelled = control.cancel_full_sync();
  if (!cancelled) return answer(response, problem_of(cancelled.error()));
  answer(response, 200, full_sync_json(*cancelled));
}

}  // namespace dualsync
