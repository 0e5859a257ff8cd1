#include "dualsync/config/config_fields.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "dualsync/config/config_parse.h"

namespace dualsync {
namespace {

std::string flag_by_rule(std::string_view env) {
  std::string flag = "--";
  for (const char c : env.substr(env.find('_') + 1)) {
    flag += c == '_' ? '-' : static_cast<char>(c - 'A' + 'a');
  }
  return flag;
}

TEST(ConfigFields, FollowTheRuleOfNames) {
  std::set<std::string_view> names;
  for (const Field& field : config_fields()) {
    EXPECT_TRUE(names.insert(field.env).second) << field.env;
    if (field.privacy == Privacy::kSecret) {
      EXPECT_TRUE(field.flag.empty()) << field.env;
    } else {
      EXPECT_EQ(field.flag, flag_by_rule(field.env));
    }
    EXPECT_FALSE(field.help.empty()) << field.env;
    EXPECT_NE(field.help.back(), '.') << field.env;
  }
  EXPECT_EQ(find_field("SYNC_NOTHING"), nullptr);
}

TEST(ConfigFields, HaveDefaultsWithinTheirOwnBounds) {
  for (const Field& field : config_fields()) {
    Settings settings;
    const Result<void> parsed = parse_field(field, "", &settings);
    EXPECT_TRUE(parsed.ok()) << field.env;
    EXPECT_TRUE(settings.warnings.empty()) << field.env;
    EXPECT_FALSE(allowed_text(field).empty());
    EXPECT_FALSE(value_name(field).empty());
  }
}

TEST(ConfigFields, SayWhatIsAllowed) {
  EXPECT_EQ(allowed_text(*find_field("SYNC_LANES")), "a whole number from 1 to 64");
  EXPECT_EQ(allowed_text(*find_field("SYNC_ON_DROP")), "one of archive, mirror, keep");
  EXPECT_EQ(allowed_text(*find_field("SYNC_CONNECT_TIMEOUT")),
            "a duration from 100 ms to 1 h: a whole number of seconds, or with ms, s, m, h or d behind it");
}

TEST(ConfigFields, NeverShowACredential) {
  EXPECT_EQ(shown_value(*find_field("SYNC_API_TOKEN"), "hunter22hunter22"), "***");
  EXPECT_EQ(shown_value(*find_field("MONGODB_ATLAS_URI"), "hunter22"), "***");
  EXPECT_EQ(shown_value(*find_field("MONGODB_ATLAS_URI"), "mongodb://bob:hunter22@example.net"),
            "mongodb://bob:***@example.net");
  for (const char* uri : {"mongodb://bob:12 hunter22", "mongodb://bob:12\"hunter22", "mongodb://bob:12'hunter22"})
    EXPECT_EQ(shown_value(*find_field("MONGODB_ATLAS_URI"), uri), "***");
  EXPECT_EQ(shown_value(*find_field("SYNC_HTTP_LISTEN"), "mongodb:/bob:hunter22@host"), "***");
  EXPECT_EQ(shown_value(*find_field("SYNC_LANES"), "1\x1b[2J"), "1?[2J");
  EXPECT_EQ(shown_value(*find_field("SYNC_LANES"), std::string(1000, '1')).size(), 203U);
}

TEST(ConfigFields, AreAllInTheDocumentation) {
  const std::string page = settings_markdown();
  for (const Field& field : config_fields()) {
    EXPECT_NE(page.find("| `" + std::string(field.env) + "` |"), std::string::npos) << field.env;
  }
  std::ifstream file(DUALSYNC_SETTINGS_PAGE, std::ios::binary);
  std::ostringstream stored;
  stored << file.rdbuf();
  EXPECT_TRUE(stored.str() == page) << "run: dualsync internal settings-doc > docs/settings.md";
}

}  // namespace
}  // namespace dualsync
