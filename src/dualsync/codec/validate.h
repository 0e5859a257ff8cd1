// Whether bytes are BSON through and through.
#pragma once

#include <cstddef>
#include <string_view>

namespace dualsync {

// Levels of documents and arrays: more than any server stores (its own bound is at most 250).
inline constexpr std::size_t kBsonDepthMax = 260;

// False if any length, type or terminator in it is wrong, at any depth, or if it is deeper than kBsonDepthMax. Texts
// may hold anything.
bool is_valid_bson(std::string_view document);

}  // namespace dualsync
