#include "dualsync/config/config_change.h"

namespace dualsync {

SettingsChange compare_settings(const Settings& before, const Settings& after) {
  SettingsChange change;
  for (const Field& field : config_fields()) {
    const bool same = std::visit([&](auto member) { return before.*member == after.*member; }, field.target);
    if (!same) (field.live ? change.live : change.fixed).push_back(field.env);
  }
  return change;
}

}  // namespace dualsync
