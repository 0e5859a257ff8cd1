// What a second reading of the settings changes.
//
// Threads  pure; any
#pragma once

#include <string>
#include <vector>

#include "dualsync/config/config_fields.h"

namespace dualsync {

// Names of settings, in the order of the table.
struct SettingsChange {
  std::vector<std::string_view> live;   // take effect in a running daemon
  std::vector<std::string_view> fixed;  // count from the next start on
};
SettingsChange compare_settings(const Settings& before, const Settings& after);

}  // namespace dualsync
