// How far a counter rose between two looks. Counters of the queue start again when it is opened anew after a failure of
// the disk; of such a step nothing is known: 0.
#pragma once

#include <cstdint>

namespace dualsync {

constexpr std::uint64_t risen(std::uint64_t before, std::uint64_t now) { return now > before ? now - before : 0; }

}  // namespace dualsync
