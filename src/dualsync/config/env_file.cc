#include "dualsync/config/env_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>

#include "dualsync/config/config_parse.h"

namespace dualsync {
namespace {

constexpr std::uintmax_t kEnvFileBytesMax = std::uintmax_t{1024} * 1024;

Error bad_line(int line, std::string_view what) {
  return Error{ErrorKind::kInvalidArgument, fmt::format(".env line {}: {}", line, what),
               "each line is NAME=value; values with spaces at an end, quotes or # need quotes around them", 0};
}

bool is_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  const auto rest = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-'; };
  return !name.empty() && letter(name.front()) && std::all_of(name.begin(), name.end(), rest);
}

char escaped(char c) {
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
  }
}

// `text` starts with the quote.
Result<std::string> quoted_value(std::string_view text, int line) {
  const char quote = text.front();
  std::string value;
  std::size_t i = 1;
  for (; i < text.size() && text[i] != quote; ++i) {
    const bool escape = quote == '"' && text[i] == '\\' && i + 1 < text.size() &&
                        std::string_view("nrt\"\\").find(text[i + 1]) != std::string_view::npos;
    value += escape ? escaped(text[++i]) : text[i];
  }
  if (i >= text.size()) return bad_line(line, fmt::format("the {} is not closed on this line", quote));
  const std::string_view behind = trimmed(text.substr(i + 1));
  if (!behind.empty() && behind.front() != '#') return bad_line(line, "there is text behind the closing quote");
  return value;
}

std::string_view plain_value(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '#' && (text[i - 1] == ' ' || text[i - 1] == '\t')) return trimmed(text.substr(0, i));
  }
  return trimmed(text);
}

Result<EnvEntry> parse_line(std::string_view text, int line) {
  if (text.starts_with("export ") || text.starts_with("export\t")) text = trimmed(text.substr(7));
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return bad_line(line, "there is no = in it");
  const std::string_view name = trimmed(text.substr(0, equals));
  if (!is_name(name)) return bad_line(line, "what stands before the = is not a name of letters, digits and _");
  const std::string_view raw = text.substr(equals + 1);
  const std::string_view value = trimmed(raw);
  EnvEntry entry{std::string(name), "", line};
  if (!value.empty() && (value.front() == '"' || value.front() == '\'')) {
    Result<std::string> inner = quoted_value(value, line);
    if (!inner) return inner.error();
    entry.value = std::move(inner).value();
  } else {
    entry.value = plain_value(raw);
  }
  return entry;
}

}  // namespace

Result<std::vector<EnvEntry>> parse_env_text(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<EnvEntry> entries;
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view content = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (content.empty() || content.front() == '#') continue;
    if (content.find('\0') != std::string_view::npos) return bad_line(line, "there is a zero byte in it");
    Result<EnvEntry> entry = parse_line(content, line);
    if (!entry) return entry.error();
    entries.push_back(std::move(entry).value());
  }
  return entries;
}

Result<std::vector<EnvEntry>> read_env_file(const std::filesystem::path& path) {
  std::error_code code;
  if (!std::filesystem::exists(path, code) && !code) return std::vector<EnvEntry>{};
  const auto unreadable = [&](std::string_view why, int number) {
    return Error{ErrorKind::kIo, fmt::format("{} cannot be read: {}", path.string(), why),
                 "make it readable for the user that runs dualsync, or move it away", number};
  };
  if (code) return unreadable(code.message(), code.value());
  if (!std::filesystem::is_regular_file(path, code)) return unreadable("it is not a file", 0);
  if (std::filesystem::file_size(path, code) > kEnvFileBytesMax) return unreadable("it is larger than 1 MiB", 0);
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const std::error_code cause(errno, std::generic_category());
    return unreadable(cause.message(), cause.value());
  }
  std::ostringstream text;
  text << file.rdbuf();
  return parse_env_text(text.str());
}

}  // namespace dualsync
