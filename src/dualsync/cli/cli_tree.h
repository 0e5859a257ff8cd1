// The commands and their flags, for those who describe them.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace dualsync {

inline constexpr const char* kSettingsGroup =
    "Settings (a flag wins over the environment, then .env, then the default)";

void with_cli_tree(const std::function<void(const CLI::App&)>& use);

}  // namespace dualsync
