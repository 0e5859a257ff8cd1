#include <gtest/gtest.h>

#include "dualsync/mongo/resume_token.h"
#include "mongo_fixture.h"

namespace dualsync {
namespace {

using test::bson_of;

// Tokens as real servers make them, of both token versions; what comes after the kind is shortened.
TEST(ResumeToken, AnEventsTokenHoldsItsTime) {
  const auto time = token_time(bson_of(R"({"_data": "8263515979000000022B022C0100296E5A1004"})"));
  ASSERT_TRUE(time.has_value());
  EXPECT_EQ(time->time, (OpTime{0x63515979, 2}));
  EXPECT_FALSE(time->high_water_mark);
}

TEST(ResumeToken, AHighWaterMarkIsToldApart) {
  for (const char* token :
       {R"({"_data": "8263515979000000022B0229296E04"})", R"({"_data": "8263515979000000022B0429296E1404"})"}) {
    const auto time = token_time(bson_of(token));
    ASSERT_TRUE(time.has_value());
    EXPECT_EQ(time->time, (OpTime{0x63515979, 2}));
    EXPECT_TRUE(time->high_water_mark);
  }
}

TEST(ResumeToken, OtherTokensAreOpaque) {
  for (const char* token : {R"({"_data": "826351"})", R"({"_data": "82zz515979000000022B"})", R"({"_data": 5})",
                            R"({})", R"({"_data": "0163515979000000022B0229"})"}) {
    EXPECT_FALSE(token_time(bson_of(token)).has_value()) << token;
  }
  EXPECT_FALSE(token_time("").has_value());
}

}  // namespace
}  // namespace dualsync
