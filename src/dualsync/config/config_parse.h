// Text of one setting -> its typed value in Settings, checked against the bounds of the table.
//
// Errors   kInvalidArgument whose message says only what is wrong with the value; config_load.cc adds name and source
// Threads  pure functions; any
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dualsync/config/config_fields.h"

namespace dualsync {

// Empty text means the default.
Result<void> parse_field(const Field& field, std::string_view text, Settings* settings);

// "500ms", "2s", "5m", "1h", or a plain number of `unit`. In milliseconds.
Result<std::int64_t> parse_duration(std::string_view text, std::string_view unit);
std::string duration_text(std::int64_t milliseconds);  // the shortest exact form: 90 s, 1 h, 250 ms

// "4096", "64KiB", "512 MiB", "2GiB", "1TiB".
Result<std::int64_t> parse_bytes(std::string_view text);

std::string_view trimmed(std::string_view text);

}  // namespace dualsync
