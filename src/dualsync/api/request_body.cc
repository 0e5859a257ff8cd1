#include "dualsync/api/request_body.h"

#include <fmt/format.h>

namespace dualsync {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kNamespacesMax = 1000;

}  // namespace

Error invalid_body(const std::string& what, std::string_view form) {
  return {ErrorKind::kInvalidArgument, what, std::string(form), 0};
}

Result<Json> parse_request_body(std::string_view body, std::string_view form) {
  if (body.empty()) return Json::object();
  Json given = Json::parse(body, nullptr, false);
  if (given.is_discarded()) return invalid_body("the body is not JSON", form);
  if (!given.is_object()) return invalid_body("the body is not a JSON object", form);
  return given;
}

Result<void> require_empty_body(std::string_view body) {
  constexpr std::string_view kNone = "leave the body out";
  const auto given = parse_request_body(body, kNone);
  if (!given) return given.error();
  if (!given->empty()) return invalid_body("this takes no members", kNone);
  return {};
}

Result<std::vector<std::string>> parse_namespaces(const Json& value, std::string_view form) {
  if (!value.is_array()) return invalid_body("namespaces is not a list", form);
  if (value.size() > kNamespacesMax)
    return invalid_body(fmt::format("namespaces has more than {} names", kNamespacesMax), form);
  std::vector<std::string> names;
  for (const Json& one : value) {
    if (!one.is_string() || one.get_ref<const std::string&>().empty())
      return invalid_body("namespaces holds something other than names", form);
    names.push_back(one.get<std::string>());
  }
  return names;
}

}  // namespace dualsync
