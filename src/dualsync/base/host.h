// This machine's name, for people.
#pragma once

#include <string>

namespace dualsync {

std::string host_name();  // "unknown" if there is none

}  // namespace dualsync
