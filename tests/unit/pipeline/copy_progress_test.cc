#include "dualsync/pipeline/copy_progress.h"

#include <gtest/gtest.h>

#include "support/bson_literal.h"

namespace dualsync {
namespace {

using test::id_key;

TEST(CopyProgress, SurvivesItsBytes) {
  CopyProgress progress;
  progress.uuid = std::string("\x01\x00\x02 binary", 10);
  progress.ranges.push_back({{"", id_key("10")}, id_key("5"), false});
  progress.ranges.push_back({{id_key("10"), ""}, "", true});
  progress.comparing = true;
  const auto back = CopyProgress::decode(progress.encode());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->uuid, progress.uuid);
  ASSERT_EQ(back->ranges.size(), 2U);
  EXPECT_EQ(back->ranges[0].bounds.max, id_key("10"));
  EXPECT_EQ(back->ranges[0].last, id_key("5"));
  EXPECT_TRUE(back->ranges[0].bounds.min.empty());
  EXPECT_TRUE(back->ranges[1].done);
  EXPECT_FALSE(back->done());
  EXPECT_TRUE(back->comparing);
}

TEST(CopyProgress, WorkThatIsDoneKeepsTheTimeOfItsLook) {
  const auto back = CopyProgress::decode(CopyProgress{"uuid", {}, {7, 3}}.encode());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->uuid, "uuid");
  EXPECT_EQ(back->looked_at, (OpTime{7, 3}));
  EXPECT_TRUE(back->ranges.empty());
}

TEST(CopyProgress, RubbishIsNoProgress) {
  EXPECT_FALSE(CopyProgress::decode(""));
  EXPECT_FALSE(CopyProgress::decode("rubbish"));
  EXPECT_FALSE(CopyProgress::decode(test::bson("{}")));
}

}  // namespace
}  // namespace dualsync
