// One command as its documents show it.
#pragma once

#include <string>
#include <vector>

namespace dualsync {

struct OptionDoc {
  std::vector<std::string> flags;  // "--json", "-h"; none for a positional
  std::string positional;          // "NS"
  std::string value;               // "SECONDS", "auto|always|never"; empty: takes none
  std::string help;
  bool setting = false;  // also a setting
  bool repeats = false;
};

struct CommandDoc {
  std::vector<std::string> path;  // {"queue", "list"}; empty: dualsync itself
  std::string help;
  std::vector<OptionDoc> options;
  std::vector<CommandDoc> commands;

  std::string name() const {  // "dualsync queue list"
    std::string text = "dualsync";
    for (const std::string& part : path) text += " " + part;
    return text;
  }
};

std::string bash_completion(const CommandDoc& root);
std::string zsh_completion(const CommandDoc& root);
std::string man_page(const CommandDoc& root, const std::string& version);

}  // namespace dualsync
