// The answers about proofs: comparisons and drills.
#include "dualsync/api/api_server_impl.h"
#include "dualsync/api/drill_json.h"
#include "dualsync/api/verify_json.h"

namespace dualsync {

using httplib::Request;
using httplib::Response;

void ApiServer::Impl::get_verify(const Request& /*request*/, Response& response) {
  answer(response, 200, verify_status_json(control.verify()));
}

void ApiServer::Impl::post_verify(const Request& request, Response& response) {
  const auto order = parse_verify_order(request.body);
  if (!order) return answer(response, problem_of(order.error()));
  const auto started = control.start_verify(*order);
  if (!started) return answer(response, problem_of(started.error()));
  answer(response, 202, verify_status_json(*started));
}

void ApiServer::Impl::get_drill(const Request& /*request*/, Response& response) {
  answer(response, 200, drill_status_json(control.drill()));
}

void ApiServer::Impl::post_drill(const Request& request, Response& response) {
  const auto order = parse_drill_order(request.body);
  if (!order) return answer(response, problem_of(order.error()));
  const auto started = control.start_drill(*order);
  if (!started) return answer(response, problem_of(started.error()));
  answer(response, 202, drill_status_json(*started));
}

}  // namespace dualsync
