// JsonScanner: cuts a JSON text into members and elements without reading it whole, so that a file of any size is read
// in the memory of its largest value. What a value holds is for whoever gets its text.
//
// Errors   kInvalidArgument: what was expected, and the byte where it was not
// Threads  plain value, reads the stream that it was given
#pragma once

#include <functional>
#include <istream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dualsync/base/result.h"

namespace dualsync {

inline constexpr std::size_t kJsonValueMax = 256U << 20U;  // bytes of one value

class JsonScanner {
 public:
  using OnMember = std::function<Result<void>(const std::string& name)>;
  using OnElement = std::function<Result<void>(std::uint64_t index)>;

  explicit JsonScanner(std::istream& in) : in_(in) {}

  // Calls `each` before every member's value; it must consume the value by one of these calls. Names stay escaped.
  Result<void> object(const OnMember& each);
  // The same for elements; `index` starts at 0.
  Result<void> array(const OnElement& each);
  // The text of the value that comes next, cut where it ends; its inside is not checked.
  Result<std::string> value();
  // Nothing but white space is left.
  Result<void> end();

 private:
  int skip_space();
  Result<void> expect(char wanted);
  Result<std::string> string_text();
  Result<void> in_string(std::string* text);
  Error wrong(const std::string& what) const;
  int get();

  std::istream& in_;
  std::uint64_t at_ = 0;
};

// The members of one object: name and text of the value.
Result<std::vector<std::pair<std::string, std::string>>> json_members(std::string_view object);

}  // namespace dualsync
