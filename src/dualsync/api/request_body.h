// What the JSON bodies of requests have in common.
//
// Errors   kInvalidArgument: what is wrong; the hint is `form`, which shows what is allowed
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/base/result.h"

namespace dualsync {

Error invalid_body(const std::string& what, std::string_view form);

// For what takes none; an empty object is none too.
Result<void> require_empty_body(std::string_view body);
// A JSON object; an empty body is one without members.
Result<nlohmann::ordered_json> parse_request_body(std::string_view body, std::string_view form);
// A bounded list of names, none of them empty.
Result<std::vector<std::string>> parse_namespaces(const nlohmann::ordered_json& value, std::string_view form);

}  // namespace dualsync
