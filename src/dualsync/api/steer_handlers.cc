// The answers about what is waiting, and whether it is applied.
#include "dualsync/api/api_server_impl.h"
#include "dualsync/api/json_views.h"
#include "dualsync/api/query.h"
#include "dualsync/api/request_body.h"
#include "dualsync/json/value_json.h"

namespace dualsync {
namespace {

constexpr int kOperationsDefault = 100;  // in one answer
constexpr int kOperationsMax = 1000;     // capture waits while they are read

}  // namespace

using httplib::Request;
using httplib::Response;

void ApiServer::Impl::get_queue(const Request& request, Response& response) {
  const auto limit = number_parameter(request, "limit", kOperationsMax);
  if (!limit) return answer(response, problem_of(limit.error()));
  const auto listing = control.queue_listing(static_cast<std::size_t>(limit->value_or(kOperationsDefault)));
  if (!listing) return answer(response, problem_of(listing.error()));
  answer(response, 200, queue_listing_json(*listing));
}

void ApiServer::Impl::post_pause(const Request& request, Response& response) {
  answer_pause(request, response, &Control::pause);
}

void ApiServer::Impl::post_resume(const Request& request, Response& response) {
  answer_pause(request, response, &Control::resume);
}

void ApiServer::Impl::answer_pause(const Request& request, Response& response, Result<Status> (Control::*change)()) {
  if (const auto empty = require_empty_body(request.body); !empty) return answer(response, problem_of(empty.error()));
  const auto status = (control.*change)();
  if (!status) return answer(response, problem_of(status.error()));
  answer(response, 200, pause_json(*status));
}

}  // namespace dualsync
