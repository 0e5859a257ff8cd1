// The query part of a request's URL.
#pragma once

#include <httplib.h>

#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "dualsync/base/result.h"

namespace dualsync {

using QueryParameters = std::map<std::string, std::string, std::less<>>;

// kInvalidArgument: one that is not among `names`, or twice; the error's hint is `hint`.
Result<QueryParameters> query_parameters(const httplib::Request& request, std::initializer_list<std::string_view> names,
                                         const std::string& hint);

// The whole number of `name`, from 0 to `max`; nothing if it is not given. kInvalidArgument: anything else is given.
Result<std::optional<int>> number_of(const QueryParameters& parameters, std::string_view name, int max);

// The whole number of the one query parameter `name`, from 0 to `max`; nothing if it is not given. kInvalidArgument:
// anything else is given.
Result<std::optional<int>> number_parameter(const httplib::Request& request, std::string_view name, int max);

}  // namespace dualsync
