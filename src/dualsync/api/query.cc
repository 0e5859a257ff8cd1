#include "dualsync/api/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace dualsync {
namespace {

Error invalid(std::string what, std::string hint) {
  return {ErrorKind::kInvalidArgument, std::move(what), std::move(hint), 0};
}

std::string bounds_of(std::string_view name, int max) {
  return fmt::format("{} is a whole number from 0 to {}", name, max);
}

}  // namespace

Result<QueryParameters> query_parameters(const httplib::Request& request, std::initializer_list<std::string_view> names,
                                         const std::string& hint) {
  QueryParameters found;
  for (const auto& [given, text] : request.params) {
    if (std::find(names.begin(), names.end(), given) == names.end())
      return invalid(fmt::format("the query holds a parameter other than {}", fmt::join(names, ", ")), hint);
    if (!found.emplace(given, text).second) return invalid(fmt::format("{} is given twice", given), hint);
  }
  return found;
}

Result<std::optional<int>> number_of(const QueryParameters& parameters, std::string_view name, int max) {
  const auto given = parameters.find(name);
  if (given == parameters.end()) return std::optional<int>();
  const std::string& text = given->second;
  int number = -1;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size() || number < 0 || number > max)
    return invalid(fmt::format("{} is not within its bounds", name), bounds_of(name, max));
  return std::optional<int>(number);
}

Result<std::optional<int>> number_parameter(const httplib::Request& request, std::string_view name, int max) {
  const auto parameters = query_parameters(request, {name}, bounds_of(name, max));
  if (!parameters) return parameters.error();
  return number_of(*parameters, name, max);
}

}  // namespace dualsync
