#include "dualsync/config/config_parse.h"

#include <gtest/gtest.h>

namespace dualsync {
namespace {

std::string outcome(std::string_view env, std::string_view text) {
  const Field* field = find_field(env);
  if (field == nullptr) return "no such setting";
  Settings settings;
  const Result<void> parsed = parse_field(*field, text, &settings);
  return parsed.ok() ? "ok" : parsed.error().message;
}

TEST(ConfigParse, ReadsDurationsInTheirUnitOrWithASuffix) {
  EXPECT_EQ(*parse_duration("100", "ms"), 100);
  EXPECT_EQ(*parse_duration("10", "s"), 10'000);
  EXPECT_EQ(*parse_duration("500ms", "s"), 500);
  EXPECT_EQ(*parse_duration("2 s", "ms"), 2'000);
  EXPECT_EQ(*parse_duration("5m", "s"), 300'000);
  EXPECT_EQ(*parse_duration("1h", "ms"), 3'600'000);
  EXPECT_EQ(*parse_duration("30d", "s"), 30 * 86'400'000LL);
  for (const char* bad :
       {"", "s", "-1", "1.5s", "1w", "ten", "99999999999999999999", "9223372036854775807h", "1 s s"}) {
    EXPECT_FALSE(parse_duration(bad, "s").ok()) << bad;
  }
}

TEST(ConfigParse, OffIsNoDurationWhereThatMayBe) {
  EXPECT_EQ(outcome("SYNC_DRILL_INTERVAL", "off"), "ok");
  EXPECT_EQ(outcome("SYNC_DROP_RETENTION", "off"), "ok");
  EXPECT_EQ(outcome("SYNC_WORKER_INTERVAL", "off"), "it is not a duration");
  Settings settings;
  settings.drill_interval = std::chrono::hours(1);
  ASSERT_TRUE(parse_field(*find_field("SYNC_DRILL_INTERVAL"), "off", &settings).ok());
  EXPECT_EQ(settings.drill_interval.count(), 0);
}

TEST(ConfigParse, PrintsDurationsInTheirLargestUnit) {
  EXPECT_EQ(duration_text(0), "0 s");
  EXPECT_EQ(duration_text(250), "250 ms");
  EXPECT_EQ(duration_text(90'000), "90 s");
  EXPECT_EQ(duration_text(3'600'000), "1 h");
  EXPECT_EQ(duration_text(48 * 3'600'000), "2 d");
}

TEST(ConfigParse, ReadsListenAddresses) {
  EXPECT_EQ(parse_listen_address("127.0.0.1:8787")->to_string(), "127.0.0.1:8787");
  EXPECT_EQ(parse_listen_address("localhost:0")->port, 0);
  EXPECT_EQ(parse_listen_address("[::1]:65535")->host, "::1");
  EXPECT_EQ(parse_listen_address("[::1]:65535")->to_string(), "[::1]:65535");
  EXPECT_TRUE(parse_listen_address("[::1]:1")->is_loopback());
  EXPECT_FALSE(parse_listen_address("0.0.0.0:1")->is_loopback());
  for (const char* bad :
       {"", "8787", ":8787", "::1:8787", "host:", "host:65536", "host:-1", "host:1x", "[]:1", "a b:1"}) {
    EXPECT_FALSE(parse_listen_address(bad).ok()) << bad;
  }
}

TEST(ConfigParse, ChecksBounds) {
  EXPECT_EQ(outcome("SYNC_LANES", "64"), "ok");
  EXPECT_EQ(outcome("SYNC_LANES", "65"), "it is out of bounds");
  EXPECT_EQ(outcome("SYNC_LANES", "0"), "it is out of bounds");
  EXPECT_EQ(outcome("SYNC_LANES", "4.0"), "it is not a whole number");
  EXPECT_EQ(outcome("SYNC_LANES", "99999999999999999999"), "it is not a whole number");
  EXPECT_EQ(outcome("SYNC_QUEUE_MAX_SIZE", "10000000"), "ok");
  EXPECT_EQ(outcome("SYNC_QUEUE_MAX_SIZE", "10000001"), "it is out of bounds");
  EXPECT_EQ(outcome("SYNC_WORKER_INTERVAL", "61s"), "it is out of bounds");
  EXPECT_EQ(outcome("SYNC_API_TOKEN", "short"), "it is too short");
  EXPECT_EQ(outcome("SYNC_API_TOKEN", std::string(513, 'x')), "it is too long");
  EXPECT_EQ(outcome("SYNC_API_TOKEN", "with a space"), "it holds a character that does not fit into an HTTP header");
  EXPECT_EQ(outcome("SYNC_PERSIST_QUEUE", "yes"), "it is neither true nor false");
  EXPECT_EQ(outcome("SYNC_ON_DROP", "destroy"), "it is none of the known words");
  EXPECT_EQ(outcome("SYNC_ON_DROP", "arch"), "it is none of the known words");
}

TEST(ConfigParse, ChecksWebUrls) {
  const Field* field = find_field("SYNC_ALERT_URL");
  ASSERT_NE(field, nullptr);
  Settings settings;
  for (const char* good : {"http://h", "https://u:p@h:65535/a?b", "http://[::1]:80/", "http://h:8080"})
    EXPECT_TRUE(parse_field(*field, good, &settings).ok()) << good;
  for (const char* bad : {"h", "ftp://h", "http://", "http://:80", "http://h:0", "http://h:x", "http://h:99999999999/x",
                          "http://h h", "http://u:p@/x"})
    EXPECT_FALSE(parse_field(*field, bad, &settings).ok()) << bad;
}

TEST(ConfigParse, ChecksUris) {
  EXPECT_EQ(outcome("MONGODB_ATLAS_URI", "mongodb+srv://u:p@cluster.example.net/shop"), "ok");
  EXPECT_EQ(outcome("MONGODB_LOCAL_URI", "mongodb://[::1]:27017"), "ok");
  EXPECT_EQ(outcome("MONGODB_ATLAS_URI", "https://example.net"), "it does not start with mongodb:// or mongodb+srv://");
  for (const char* bad : {"mongodb://", "mongodb:///shop", "mongodb://u:p@/shop", "mongodb://:27017"}) {
    EXPECT_EQ(outcome("MONGODB_ATLAS_URI", bad), "it names no host") << bad;
  }
}

TEST(ConfigParse, ReadsListsAndMaps) {
  Settings settings;
  ASSERT_TRUE(parse_field(*find_field("SYNC_EXCLUDED_COLLECTIONS"), " logs ,shop.tmp_*,, ", &settings).ok());
  EXPECT_EQ(settings.excluded_collections, (std::vector<std::string>{"logs", "shop.tmp_*"}));
  ASSERT_TRUE(parse_field(*find_field("SYNC_DATABASE_MAP"), "shop=shop_berlin, crm = crm_berlin", &settings).ok());
  EXPECT_EQ(settings.database_map,
            (std::map<std::string, std::string>{{"crm", "crm_berlin"}, {"shop", "shop_berlin"}}));
  EXPECT_EQ(outcome("SYNC_DATABASE_MAP", "a=x,a=y"), "it names the local database a twice");
  EXPECT_EQ(outcome("SYNC_DATABASE_MAP", "a=x,b=x"), "it sends two databases to x");
  for (const char* bad : {"a", "a=", "=b", "a=b=c$", "a.b=c", "a=b c"}) {
    EXPECT_NE(outcome("SYNC_DATABASE_MAP", bad).find("is not of the form"), std::string::npos) << bad;
  }
}

TEST(ConfigParse, TakesChoicesInTheOrderOfTheirEnumerators) {
  Settings settings;
  ASSERT_TRUE(parse_field(*find_field("SYNC_ON_DROP"), "keep", &settings).ok());
  EXPECT_EQ(settings.on_drop, OnDrop::kKeep);
  ASSERT_TRUE(parse_field(*find_field("SYNC_ORDERING"), "strict", &settings).ok());
  EXPECT_EQ(settings.ordering, Ordering::kStrict);
  ASSERT_TRUE(parse_field(*find_field("SYNC_ORDERING"), "document", &settings).ok());
  EXPECT_EQ(settings.ordering, Ordering::kDocument);
  EXPECT_EQ(outcome("SYNC_ORDERING", "Strict"), "it is none of the known words");
  ASSERT_TRUE(parse_field(*find_field("SYNC_LOG_LEVEL"), "error", &settings).ok());
  EXPECT_EQ(settings.log_level, log::Level::kError);
  ASSERT_TRUE(parse_field(*find_field("SYNC_LOG_FORMAT"), "text", &settings).ok());
  EXPECT_EQ(settings.log_format, log::Format::kText);
}

TEST(ConfigParse, BytesHaveUnits) {
  EXPECT_EQ(*parse_bytes("0"), 0);
  EXPECT_EQ(*parse_bytes("4096"), 4096);
  EXPECT_EQ(*parse_bytes("64KiB"), 65'536);
  EXPECT_EQ(*parse_bytes("512 MiB"), 512LL << 20U);
  EXPECT_EQ(*parse_bytes("1TiB"), 1LL << 40U);
  for (const char* bad : {"", "-1", "1MB", "1.5GiB", "KiB", "9223372036854775807KiB"}) {
    EXPECT_FALSE(parse_bytes(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace dualsync
