// The answer to what middleware reports.
#include <fmt/format.h>

#include "dualsync/api/api_server_impl.h"
#include "dualsync/codec/reported_json.h"

namespace dualsync {
namespace {

constexpr std::string_view kOperationsForm =
    R"(the body is {"operations": [{"collection": "shop.bills", "filter": {"_id": ...}}], "dirtyRanges": []})";
constexpr int kAgainSeconds = 1;

}  // namespace

using httplib::Request;
using httplib::Response;

void ApiServer::Impl::post_operations(const Request& request, Response& response) {
  const Place place(reporting, kReportsMax);
  if (!place.granted()) {
    return answer_busy(response, "too-many-reports",
                       fmt::format("{} calls are being written to disk already", kReportsMax),
                       "send more operations in fewer calls, and this one again", kAgainSeconds);
  }
  auto changes = parse_reported(request.body);
  if (!changes) {
    Error error = changes.error();
    if (error.hint.empty()) error.hint = kOperationsForm;
    return answer(response, problem_of(error));
  }
  const auto outcome = control.report_changes(*changes);
  if (!outcome) {
    Problem problem = problem_of(outcome.error());
    if (outcome.error().kind == ErrorKind::kIo) problem.status = 503;  // it goes on by itself when there is room
    if (problem.status == 503) response.set_header("Retry-After", std::to_string(kAgainSeconds));
    return answer(response, problem);
  }
  answer(response, 202,
         {{"accepted", outcome->accepted},
          {"dirtyRanges", outcome->ranges},
          {"ignored", outcome->ignored},
          {"durable", outcome->durable}});
}

}  // namespace dualsync
