// Whether bytes are BSON through and through.
#pragma once

#include <string_view>

namespace dualsync {

// False if any length, type or terminator in it is wrong, at any depth. Texts may hold anything.
bool is_valid_bson(std::string_view document);

}  // namespace dualsync
