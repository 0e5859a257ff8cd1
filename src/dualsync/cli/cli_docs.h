// What is written about the command line, made from its tree, so that it cannot drift: a page for each command, the man
// page, completions for bash and zsh.
//
// Threads  pure; any
#pragma once

#include <map>
#include <string>

namespace dualsync {

// Path within the repository -> content.
std::map<std::string, std::string> cli_documents();

}  // namespace dualsync
