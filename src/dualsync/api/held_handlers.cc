// The answers about deletes that the mass-delete guard holds.
#include <fmt/format.h>

#include "dualsync/api/api_server_impl.h"
#include "dualsync/api/query.h"
#include "dualsync/api/request_body.h"
#include "dualsync/base/hex.h"
#include "dualsync/json/value_json.h"

namespace dualsync {
namespace {

using httplib::Request;
using httplib::Response;

constexpr int kDocumentsDefault = 100;  // in one answer
constexpr int kDocumentsMax = 10'000;
constexpr const char* kQuery = "the query is namespace=shop.bills&limit=100&after=...; all may be left out";
constexpr std::string_view kHeldForm = R"(the body is {"namespace": "shop.bills"})";

Result<Namespace> collection_of(const std::string& name, std::string_view hint) {
  Namespace ns = Namespace::parse(name);
  if (!ns.db.empty() && !ns.collection.empty()) return ns;
  return Error{ErrorKind::kInvalidArgument, "namespace is not database.collection", std::string(hint), 0};
}

Result<Namespace> parse_decision(std::string_view body) {
  const auto given = parse_request_body(body, kHeldForm);
  if (!given) return given.error();
  for (const auto& [name, value] : given->items()) {
    if (name != "namespace") return invalid_body(fmt::format("\"{}\" is not known", name), kHeldForm);
  }
  const auto name = given->find("namespace");
  if (name == given->end()) return invalid_body("namespace is missing", kHeldForm);
  if (!name->is_string()) return invalid_body("namespace is not a text", kHeldForm);
  return collection_of(name->get<std::string>(), kHeldForm);
}

}  // namespace

void ApiServer::Impl::get_held(const Request& request, Response& response) {
  const auto parameters = query_parameters(request, {"namespace", "limit", "after"}, kQuery);
  if (!parameters) return answer(response, problem_of(parameters.error()));
  const auto limit = number_of(*parameters, "limit", kDocumentsMax);
  if (!limit) return answer(response, problem_of(limit.error()));
  Result<Namespace> ns = Namespace();
  if (const auto given = parameters->find("namespace"); given != parameters->end())
    ns = collection_of(given->second, kQuery);
  if (!ns) return answer(response, problem_of(ns.error()));
  const auto given = parameters->find("after");
  // The place of a page holds any byte; whoever asks gives it back as it came.
  const auto after = from_hex(given == parameters->end() ? std::string_view() : std::string_view(given->second));
  if (!after)
    return answer(response, problem_of(invalid_body("after is not what an earlier answer had as next", kQuery)));
  const auto page = control.held_documents(*ns, *after, static_cast<std::size_t>(limit->value_or(kDocumentsDefault)));
  if (!page) return answer(response, problem_of(page.error()));
  answer(response, 200, held_documents_json(*page));
}

void ApiServer::Impl::post_release(const Request& request, Response& response) {
  answer_decision(request, response, true);
}

void ApiServer::Impl::post_discard(const Request& request, Response& response) {
  answer_decision(request, response, false);
}

void ApiServer::Impl::answer_decision(const Request& request, Response& response, bool release) {
  const auto ns = parse_decision(request.body);
  if (!ns) return answer(response, problem_of(ns.error()));
  const auto decided = control.decide_held(*ns, release);
  if (!decided) return answer(response, problem_of(decided.error()));
  answer(response, 202,
         {{"namespace", decided->ns.full()},
          {"decision", release ? "release" : "discard"},
          {"documents", decided->documents}});
}

}  // namespace dualsync
