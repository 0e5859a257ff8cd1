#include "dualsync/codec/json_scan.h"

#include <sstream>

namespace dualsync {
namespace {

constexpr int kEnd = std::istream::traits_type::eof();

bool is_space(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

Error JsonScanner::wrong(const std::string& what) const {
  return {ErrorKind::kInvalidArgument, "not JSON at byte " + std::to_string(at_) + ": " + what, "", 0};
}

int JsonScanner::get() {
  const int c = in_.get();
  if (c != kEnd) ++at_;
  return c;
}

int JsonScanner::skip_space() {
  while (is_space(in_.peek())) get();
  return in_.peek();
}

Result<void> JsonScanner::expect(char wanted) {
  if (skip_space() != wanted) return wrong(std::string("expected ") + wanted);
  get();
  return {};
}

// Behind the opening quote; appends up to and with the closing one.
Result<void> JsonScanner::in_string(std::string* text) {
  for (;;) {
    const int c = get();
    if (c == kEnd) return wrong("the text ends inside a string");
    if (text->size() >= kJsonValueMax) return wrong("a value is too long");
    text->push_back(static_cast<char>(c));
    if (c == '"') return {};
    if (c != '\\') continue;
    const int escaped = get();
    if (escaped == kEnd) return wrong("the text ends inside a string");
    text->push_back(static_cast<char>(escaped));
  }
}

Result<std::string> JsonScanner::string_text() {
  DUALSYNC_TRY(expect('"'));
  std::string text;
  DUALSYNC_TRY(in_string(&text));
  text.pop_back();
  return text;
}

Result<void> JsonScanner::object(const OnMember& each) {
  DUALSYNC_TRY(expect('{'));
  if (skip_space() == '}') return expect('}');
  for (;;) {
    auto name = string_text();
    if (!name) return name.error();
    DUALSYNC_TRY(expect(':'));
    DUALSYNC_TRY(each(*name));
    if (skip_space() == '}') return expect('}');
    DUALSYNC_TRY(expect(','));
  }
}

Result<void> JsonScanner::array(const OnElement& each) {
  DUALSYNC_TRY(expect('['));
  if (skip_space() == ']') return expect(']');
  for (std::uint64_t index = 0;; ++index) {
    DUALSYNC_TRY(each(index));
    if (skip_space() == ']') return expect(']');
    DUALSYNC_TRY(expect(','));
  }
}

Result<std::string> JsonScanner::value() {
  std::string text;
  std::string open;  // the brackets that have to be closed, innermost last
  skip_space();
  for (;;) {
    const int next = in_.peek();
    if (open.empty() && !text.empty() &&
        (next == ',' || next == '}' || next == ']' || is_space(next) || next == kEnd)) {
      return text;
    }
    if (next == kEnd) return wrong("the text ends inside a value");
    if (open.empty() && (next == ',' || next == '}' || next == ']')) return wrong("a value is missing");
    if (text.size() >= kJsonValueMax) return wrong("a value is too long");
    text.push_back(static_cast<char>(get()));
    if (next == '"') {
      DUALSYNC_TRY(in_string(&text));
    } else if (next == '{' || next == '[') {
      open.push_back(next == '{' ? '}' : ']');
    } else if (next == '}' || next == ']') {
      if (open.back() != next) return wrong("brackets do not match");
      open.pop_back();
    }
    if (open.empty() && (next == '"' || next == '}' || next == ']')) return text;
  }
}

Result<void> JsonScanner::end() {
  if (skip_space() != kEnd) return wrong("something stands behind the end");
  return {};
}

Result<std::vector<std::pair<std::string, std::string>>> json_members(std::string_view object) {
  std::istringstream in{std::string(object)};
  JsonScanner scanner(in);
  std::vector<std::pair<std::string, std::string>> members;
  DUALSYNC_TRY(scanner.object([&](const std::string& name) -> Result<void> {
    auto value = scanner.value();
    if (!value) return value.error();
    members.emplace_back(name, std::move(*value));
    return {};
  }));
  DUALSYNC_TRY(scanner.end());
  return members;
}

}  // namespace dualsync
