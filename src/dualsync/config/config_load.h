// Settings from their sources: flag, environment, systemd's credentials (only settings that hold passwords), .env,
// default; the first that has a name wins, even if empty (an empty value means the default).
//
// Errors   kInvalidArgument naming the setting, where the value came from, the value (credentials hidden) and what is
//          allowed; kIo: .env or a credential exists and cannot be read
// Threads  pure but for reading these files
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "dualsync/config/settings.h"

namespace dualsync {

using FlagValues = std::map<std::string, std::string, std::less<>>;  // name of the setting (SYNC_LANES) -> text
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

Result<Settings> load_settings(const FlagValues& flags, const Environment& environment,
                               const std::filesystem::path& env_file);

// The same for a program that gives its settings itself: there is no .env, and a name that is none is an error.
Result<Settings> load_application_settings(const FlagValues& given, const Environment& environment);

// Reads this process's environment. Nothing in dualsync changes it.
Environment process_environment();

}  // namespace dualsync
