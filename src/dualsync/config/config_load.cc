#include "dualsync/config/config_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <vector>

#include "dualsync/base/redact.h"
#include "dualsync/config/config_check.h"
#include "dualsync/config/config_fields.h"
#include "dualsync/config/config_parse.h"
#include "dualsync/config/env_file.h"

namespace dualsync {
namespace {

struct Found {
  std::string value;
  std::string source;  // for messages: "flag --lanes"
};

enum class Giver : std::uint8_t { kCommandLine, kApplication };

// A password in a file of its own, as systemd hands it over (LoadCredential=, LoadCredentialEncrypted=,
// SetCredential=): named like the setting; one newline at its end does not count. Source: systemd.exec(5),
// CREDENTIALS_DIRECTORY.
Result<std::optional<Found>> find_credential(const Field& field, const Environment& environment) {
  constexpr std::size_t kBytesMax = std::size_t{64} * 1024;
  if (field.privacy == Privacy::kPublic) return std::optional<Found>{};
  const std::optional<std::string> folder = environment("CREDENTIALS_DIRECTORY");
  if (!folder || folder->empty()) return std::optional<Found>{};
  const std::filesystem::path path = std::filesystem::path(*folder) / field.env;
  std::error_code code;
  if (!std::filesystem::exists(path, code) && !code) return std::optional<Found>{};
  std::ifstream file(path, std::ios::binary);
  if (!file || !std::filesystem::is_regular_file(path, code)) {
    return Error{ErrorKind::kIo, fmt::format("the credential {} cannot be read", path.string()),
                 "it must be a file that the user of dualsync may read", 0};
  }
  std::string value(kBytesMax + 1, '\0');
  file.read(value.data(), static_cast<std::streamsize>(value.size()));
  value.resize(static_cast<std::size_t>(file.gcount()));
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  if (value.size() > kBytesMax || value.find_first_of(std::string_view("\0\n", 2)) != std::string::npos) {
    return Error{ErrorKind::kInvalidArgument, fmt::format("the credential {} is not one line of text", path.string()),
                 "it holds the setting's value and nothing else", 0};
  }
  return std::optional<Found>(Found{std::move(value), "systemd's credentials"});
}

Result<std::optional<Found>> find_value(const Field& field, const FlagValues& given, Giver giver,
                                        const Environment& environment, const std::vector<EnvEntry>& entries) {
  if (const auto one = given.find(field.env); one != given.end()) {
    return std::optional<Found>(Found{
        one->second, giver == Giver::kCommandLine ? fmt::format("flag {}", field.flag) : "the application's settings"});
  }
  if (std::optional<std::string> value = environment(std::string(field.env))) {
    return std::optional<Found>(Found{std::move(*value), "the environment"});
  }
  Result<std::optional<Found>> credential = find_credential(field, environment);
  if (!credential || credential->has_value()) return credential;
  const auto entry =
      std::find_if(entries.rbegin(), entries.rend(), [&](const EnvEntry& e) { return e.name == field.env; });
  if (entry == entries.rend()) return std::optional<Found>{};
  return std::optional<Found>(Found{entry->value, fmt::format(".env line {}", entry->line)});
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// "X is not a setting of dualsync; did you mean Y?"
std::string unknown_text(std::string_view name) {
  constexpr std::size_t kNameMax = 64;  // a longer one is no slip of the fingers
  std::string text = fmt::format("{} is not a setting of dualsync", name.substr(0, kNameMax));
  if (name.size() > kNameMax) return text;
  const std::span<const Field> fields = config_fields();
  const auto nearest = std::min_element(fields.begin(), fields.end(), [&](const Field& a, const Field& b) {
    return edit_distance(name, a.env) < edit_distance(name, b.env);
  });
  if (edit_distance(name, nearest->env) <= name.size() / 3) text += fmt::format("; did you mean {}?", nearest->env);
  return text;
}

void warn_of_unknown(const std::vector<EnvEntry>& entries, Settings* settings) {
  for (const EnvEntry& entry : entries) {
    const bool ours = entry.name.starts_with("SYNC_") || entry.name.starts_with("MONGODB_LOCAL") ||
                      entry.name.starts_with("MONGODB_ATLAS");
    if (!ours || find_field(entry.name) != nullptr) continue;
    settings->warnings.push_back(fmt::format(".env line {}: {}", entry.line, unknown_text(entry.name)));
  }
}

Result<Settings> load(const FlagValues& given, Giver giver, const Environment& environment,
                      const std::vector<EnvEntry>& entries) {
  Settings settings;
  for (const Field& field : config_fields()) {
    const Result<std::optional<Found>> looked = find_value(field, given, giver, environment, entries);
    if (!looked) return looked.error();
    const std::optional<Found>& found = *looked;
    const Result<void> parsed = parse_field(field, found ? found->value : "", &settings);
    if (!parsed) {
      DUALSYNC_CHECK(found.has_value());  // a default of ours is always within its bounds
      return Error{ErrorKind::kInvalidArgument,
                   fmt::format("{} is \"{}\" (from {}): {}", field.env, shown_value(field, found->value), found->source,
                               parsed.error().message),
                   fmt::format("allowed: {}", allowed_text(field)), 0};
    }
    const bool on_command_line = giver == Giver::kCommandLine && given.contains(field.env);
    if (on_command_line && field.privacy == Privacy::kUri && redact(found->value) != found->value) {
      settings.warnings.push_back(
          fmt::format("{} holds a password, and other users of this machine can read command lines: "
                      "set {} in .env or the environment instead",
                      field.flag, field.env));
    }
  }
  warn_of_unknown(entries, &settings);
  DUALSYNC_TRY(check_settings(&settings));
  return settings;
}

}  // namespace

Result<Settings> load_settings(const FlagValues& flags, const Environment& environment,
                               const std::filesystem::path& env_file) {
  Result<std::vector<EnvEntry>> entries = read_env_file(env_file);
  if (!entries) return entries.error();
  return load(flags, Giver::kCommandLine, environment, *entries);
}

Result<Settings> load_application_settings(const FlagValues& given, const Environment& environment) {
  for (const auto& [name, value] : given) {
    if (find_field(name) == nullptr)
      return Error{ErrorKind::kInvalidArgument, unknown_text(name), "docs/settings.md has all names", 0};
  }
  return load(given, Giver::kApplication, environment, {});
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

}  // namespace dualsync
