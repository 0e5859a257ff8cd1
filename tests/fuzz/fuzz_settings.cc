// A value of any setting is taken or refused, naming the setting; the first byte chooses which.
#include "dualsync/config/config_fields.h"
#include "dualsync/config/config_load.h"
#include "fuzz/fuzz.h"

FUZZ(settings, input) {
  if (input.empty()) return;
  const auto fields = dualsync::config_fields();
  const dualsync::Field& field = fields[static_cast<unsigned char>(input.front()) % fields.size()];
  dualsync::FlagValues flags;
  flags[std::string(field.env)] = std::string(input.substr(1));
  const auto nothing = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
  const auto settings = dualsync::load_settings(flags, nothing, "/nonexistent/.env");
  if (!settings) DUALSYNC_CHECK(!settings.error().message.empty());
}
