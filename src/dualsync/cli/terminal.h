// Colours and cursor movement, where a person looks on; plain text everywhere else.
//
// Threads  plain values
#pragma once

#include <string>
#include <string_view>

namespace dualsync {

enum class Paint : unsigned char { kGood, kWarning, kBad, kFaint };

class Style {
 public:
  explicit Style(bool colours) : colours_(colours) {}
  std::string operator()(Paint paint, std::string_view text) const;

 private:
  bool colours_;
};

// Text from a server or a document, made harmless: control characters (that could move a cursor) become '?'.
std::string printable(std::string_view text);

inline constexpr std::string_view kClearScreen = "\x1b[H\x1b[2J";
inline constexpr std::string_view kClearLine = "\r\x1b[K";

}  // namespace dualsync
