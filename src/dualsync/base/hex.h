// Bytes as text, two lower-case digits each.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dualsync {

std::string to_hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view text);  // nothing: it is not such a text

}  // namespace dualsync
