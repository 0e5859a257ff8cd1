#include "dualsync/base/time_text.h"

#include <gtest/gtest.h>

namespace dualsync {
namespace {

TEST(TimeText, Iso8601HasMillisecondsAndUtc) {
  EXPECT_EQ(iso8601(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso8601(1764442800123), "2025-11-29T19:00:00.123Z");
  EXPECT_EQ(iso8601(-1), "1969-12-31T23:59:59.999Z");
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
