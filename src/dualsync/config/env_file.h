// The .env file: NAME=value lines, as dotenv reads them.
//
// Shape    blank lines and lines that start with # are skipped; `export ` may stand in front; spaces around = do not
// count.
//          'single quotes'   literal
//          "double quotes"   \n \r \t \" \\ are escapes, any other backslash stays
//          no quotes         ends at the end of the line or at a # after a space, trimmed
//          A quoted value ends on its own line. Nothing is interpolated: $X stays $X. The last line of a name wins.
// Errors   kInvalidArgument with the line's number, never with its text: that may be a password
// Threads  pure; any
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/base/result.h"

namespace dualsync {

struct EnvEntry {
  std::string name;
  std::string value;
  int line = 0;  // the first is 1
};

Result<std::vector<EnvEntry>> parse_env_text(std::string_view text);

// A file that does not exist gives no entries. kIo: it exists but cannot be read. kInvalidArgument: a bad line.
Result<std::vector<EnvEntry>> read_env_file(const std::filesystem::path& path);

}  // namespace dualsync
