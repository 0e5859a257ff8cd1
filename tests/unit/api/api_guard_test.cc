#include "dualsync/api/api_guard.h"

#include <gtest/gtest.h>

namespace dualsync {
namespace {

TEST(ApiGuard, AcceptsExactlyItsToken) {
  EXPECT_TRUE(bearer_matches("Bearer 0123456789", "0123456789"));
  EXPECT_TRUE(bearer_matches("bearer 0123456789", "0123456789"));
  for (const char* wrong :
       {"", "Bearer", "Bearer ", "Bearer 012345678", "Bearer 01234567890", "Bearer 01234567890123456789",
        "Bearer 0123456780", "Basic 0123456789", "0123456789", "Bearer  0123456789"}) {
    EXPECT_FALSE(bearer_matches(wrong, "0123456789")) << wrong;
  }
  EXPECT_FALSE(bearer_matches("Bearer ", ""));
  EXPECT_FALSE(bearer_matches("Bearer x", ""));
}

TEST(ApiGuard, KnowsTheNamesOfThisMachine) {
  for (const char* host :
       {"localhost", "LocalHost:1", "127.0.0.1", "127.0.0.1:8787", "[::1]", "[::1]:8787", "localhost:"}) {
    EXPECT_TRUE(is_loopback_host_header(host)) << host;
  }
  for (const char* host : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "[::2]", "::1",
                           "localhost:80x", "evil@localhost", "[::1]:x"}) {
    EXPECT_FALSE(is_loopback_host_header(host)) << host;
  }
}

TEST(ApiGuard, ComparesOriginWithHost) {
  EXPECT_TRUE(same_origin("http://localhost:8787", "localhost:8787"));
  EXPECT_TRUE(same_origin("https://Sync.example", "sync.example"));
  for (const char* origin :
       {"null", "", "http://evil.example", "http://localhost:8788", "localhost:8787", "http://localhost:8787.evil"}) {
    EXPECT_FALSE(same_origin(origin, "localhost:8787")) << origin;
  }
}

}  // namespace
}  // namespace dualsync
