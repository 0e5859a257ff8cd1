#include "dualsync/base/time_text.h"

#include <gtest/gtest.h>

namespace dualsync {
namespace {

TEST(TimeText, Iso8601HasMillisecondsAndUtc) {
  EXPECT_EQ(iso8601(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso8601(1764442800123), "2025-11-29T19:00:00.123Z");
  EXPECT_EQ(iso8601(-1), "1969-12-31T23:59:59.999Z");
}

TEST(TimeText, ReadsItsOwnTimesBack) {
  for (const std::int64_t ms : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{1'795'372'200'123}}) {
    EXPECT_EQ(parse_iso8601(iso8601(ms)), ms);
  }
  EXPECT_EQ(parse_iso8601("2025-11-30T09:59:58Z"), 1'764'496'798'000);
  for (const char* text :
       {"", "yesterday", "2025-11-30", "2025-11-31T09:59:58Z", "2025-11-30T09:59:58", "2025-13-01T00:00:00Z",
        "2025-11-30T09:59:58+02:00", "2025-11-30T09:59:58.1Z", "2025-11-30 09:59:58Z"}) {
    EXPECT_FALSE(parse_iso8601(text).has_value()) << text;
  }
}

TEST(TimeText, DurationsNameTheirTwoLargestUnits) {
  EXPECT_EQ(human_duration(45), "45 s");
  EXPECT_EQ(human_duration(3 * 3600 + 12 * 60 + 5), "3 h 12 min");
  EXPECT_EQ(human_duration(2 * 86400 + 3600), "2 d 1 h");
}

TEST(TimeText, AmountsAreReadable) {
  EXPECT_EQ(human_bytes(512), "512 B");
  EXPECT_EQ(human_bytes(64 * 1024 * 1024), "64.0 MiB");
  EXPECT_EQ(human_count(48211), "48,211");
  EXPECT_EQ(human_count(999), "999");
}

}  // namespace
}  // namespace dualsync
