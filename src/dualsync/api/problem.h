// Problem: an error answer of the API, as RFC 9457 (application/problem+json) has it.
//
// Shape    {"type":"about:blank","title":<the status in words>,"status":404,"detail":...,"code":...,"hint":...}
//          `code` is stable and for programs; further members may follow, see docs/cli.md
// Threads  plain values
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "dualsync/base/result.h"

namespace dualsync {

struct Problem {
  int status = 500;
  std::string code;                                                 // "not-found"
  std::string detail;                                               // what failed, for people; without credentials
  std::string hint;                                                 // what to do; may be empty
  nlohmann::ordered_json extra = nlohmann::ordered_json::object();  // further members
};

std::string_view status_title(int status);
std::string to_json_text(const Problem& problem);

// An Error of the mirror as an answer: kUnsupported 409, kConnectivity and kStopped 503, kInvalidArgument 400, others
// 500.
Problem problem_of(const Error& error);

}  // namespace dualsync
