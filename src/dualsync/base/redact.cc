#include "dualsync/base/redact.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace dualsync {
namespace {

constexpr std::array<std::string_view, 5> kSecretNames = {"password", "token", "secret", "authmechanismproperties",
                                                          "pwd"};

bool ends_authority(char c) {
  return c == '/' || c == '?' || c == '#' || c == '"' || c == '\'' || std::isspace(static_cast<unsigned char>(c)) != 0;
}

// An '@' in a password that was not escaped is still part of the credentials: the last '@' before the end counts.
void redact_userinfo(std::string* text) {
  std::size_t from = 0;
  while ((from = text->find("://", from)) != std::string::npos) {
    const std::size_t begin = from + 3;
    std::size_t end = begin;
    while (end < text->size() && std::isspace(static_cast<unsigned char>((*text)[end])) == 0 && (*text)[end] != '"')
      ++end;
    std::size_t authority = begin;
    while (authority < end && !ends_authority((*text)[authority])) ++authority;
    std::size_t at = text->rfind('@', authority);
    if (at == std::string::npos || at < begin) at = text->rfind('@', end);  // a '/' inside the password
    from = begin;
    if (at == std::string::npos || at < begin || at >= end) continue;
    const std::size_t colon = text->find(':', begin);
    if (colon == std::string::npos || colon > at) continue;
    text->replace(colon + 1, at - colon - 1, "***");
    from = colon + 4;
  }
}

bool names_secret(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(kSecretNames.begin(), kSecretNames.end(),
                     [&](std::string_view secret) { return lower.find(secret) != std::string::npos; });
}

void redact_query(std::string* text) {
  for (std::size_t i = 0; i < text->size(); ++i) {
    if ((*text)[i] != '?' && (*text)[i] != '&') continue;
    const std::size_t equals = text->find_first_of("=&? \"", i + 1);
    if (equals == std::string::npos || (*text)[equals] != '=') continue;
    if (!names_secret(std::string_view(*text).substr(i + 1, equals - i - 1))) continue;
    const std::size_t end = std::min(text->find_first_of("& \"\n", equals), text->size());
    text->replace(equals + 1, end - equals - 1, "***");
  }
}

}  // namespace

std::string redact(std::string_view text) {
  std::string copy(text);
  redact_userinfo(&copy);
  redact_query(&copy);
  return copy;
}

}  // namespace dualsync
