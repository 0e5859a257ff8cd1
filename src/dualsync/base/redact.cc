#include "dualsync/base/redact.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace dualsync {
namespace {

constexpr std::array<std::string_view, 5> kSecretNames = {"password", "token", "secret", "authmechanismproperties",
                                                          "pwd"};

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

// Where the credentials of a URI may end: what stands in quotes or before a space is one URI.
std::size_t end_of_uri(std::string_view text, std::size_t from) {
  while (from < text.size() && !is_space(text[from]) && text[from] != '"') ++from;
  return from;
}

// Whether `text`, which stands behind a host's colon, cannot be its port: then the host is a user and this a password
// whose `@host` was forgotten or comes later. Punctuation behind a port ends a sentence.
bool is_no_port(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  return std::any_of(text.begin() + static_cast<std::ptrdiff_t>(digits), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
  });
}

// The first colon of `authority` (hosts, separated by commas) with a password behind it, or npos.
std::size_t find_password(std::string_view authority) {
  for (std::size_t begin = 0; begin < authority.size();) {
    const std::size_t end = std::min(authority.find(',', begin), authority.size());
    const std::string_view host = authority.substr(begin, end - begin);
    const std::size_t bracket = host.starts_with('[') ? host.find(']') : 0;  // an IPv6 address holds colons
    const std::size_t colon = bracket == std::string_view::npos ? bracket : host.find(':', bracket);
    if (colon != std::string_view::npos && is_no_port(host.substr(colon + 1))) return begin + colon;
    begin = end + 1;
  }
  return std::string_view::npos;
}

// A password that was not escaped may hold anything, so the last '@' of the URI counts; too much hidden is no harm.
void redact_userinfo(std::string* text) {
  std::size_t from = 0;
  while ((from = text->find("://", from)) != std::string::npos) {
    const std::size_t begin = from + 3;
    const std::size_t end = end_of_uri(*text, begin);
    from = begin;
    std::size_t colon = text->find(':', begin);
    std::size_t stop = end;
    if (const std::size_t at = std::string_view(*text).substr(begin, end - begin).rfind('@');
        at != std::string_view::npos) {
      stop = begin + at;
      if (colon == std::string::npos || colon > stop) continue;
    } else {
      const std::size_t authority =
          std::min(text->find_first_of("/?#[", begin + (text->find('[', begin) == begin ? 1 : 0)), end);
      colon = find_password(std::string_view(*text).substr(begin, authority - begin));
      if (colon == std::string_view::npos) continue;
      colon += begin;
      // A space or a quote was part of it if an '@' follows on this line.
      const std::size_t later = text->find_first_of("@\n", end);
      if (later != std::string::npos && (*text)[later] == '@') stop = later;
    }
    text->replace(colon + 1, stop - colon - 1, "***");
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
    if ((*text)[i] != '?' && (*text)[i] != '&' && (*text)[i] != ';') continue;
    const std::size_t equals = text->find_first_of("=&?; \"", i + 1);
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

std::string redact_arguments(std::span<const std::string> words) {
  constexpr std::size_t kPlainMax = 24;
  std::string text;
  bool after_flag = false;
  for (const std::string& word : words) {
    const bool flag = word.size() > 1 && word.starts_with('-');
    const bool plain = !after_flag && word.size() <= kPlainMax &&
                       word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string::npos;
    std::string shown = plain ? word : "";
    if (flag) shown = word.starts_with("--") ? word.substr(0, word.find_first_of("=: ")) : word.substr(0, 2);
    if (shown != word) shown += "***";
    text += (text.empty() ? "" : " ") + shown;
    after_flag = after_flag || flag;
  }
  return text;
}

}  // namespace dualsync
