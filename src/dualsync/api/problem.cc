#include "dualsync/api/problem.h"

#include <algorithm>

#include "dualsync/base/redact.h"

namespace dualsync {
namespace {

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument: return 400;
    case ErrorKind::kNotFound: return 404;
    case ErrorKind::kUnsupported:
    case ErrorKind::kConflict: return 409;
    case ErrorKind::kConnectivity:
    case ErrorKind::kStopped: return 503;
    default: return 500;
  }
}

}  // namespace

std::string_view status_title(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 421: return "Misdirected Request";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Error";
  }
}

std::string to_json_text(const Problem& problem) {
  nlohmann::ordered_json body;
  body["type"] = "about:blank";
  body["title"] = status_title(problem.status);
  body["status"] = problem.status;
  body["code"] = problem.code;
  body["detail"] = redact(problem.detail);
  if (!problem.hint.empty()) body["hint"] = redact(problem.hint);
  body.update(problem.extra);
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Problem problem_of(const Error& error) {
  Problem problem;
  problem.status = status_of(error.kind);
  problem.code = std::string(to_string(error.kind));
  std::replace(problem.code.begin(), problem.code.end(), '_', '-');
  problem.detail = error.message;
  problem.hint = error.hint;
  return problem;
}

}  // namespace dualsync
