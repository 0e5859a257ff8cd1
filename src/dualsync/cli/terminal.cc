#include "dualsync/cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include "dualsync/cli/cli_hooks.h"

namespace dualsync {

void detect_terminals(CliHooks* hooks) {
  hooks->out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  hooks->err_is_terminal = ::isatty(STDERR_FILENO) == 1;
}

std::string Style::operator()(Paint paint, std::string_view text) const {
  if (!colours_) return std::string(text);
  std::string_view code = "0";
  switch (paint) {
    case Paint::kGood: code = "1;32"; break;
    case Paint::kWarning: code = "1;33"; break;
    case Paint::kBad: code = "1;31"; break;
    case Paint::kFaint: code = "2"; break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string printable(std::string_view text) {
  std::string safe(text);
  for (char& c : safe) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return safe;
}

}  // namespace dualsync
