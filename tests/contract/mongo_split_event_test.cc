#include <gtest/gtest.h>

#include "dualsync/mongo/split_event.h"
#include "mongo_fixture.h"

namespace dualsync {
namespace {

using test::bson_of;
using test::kind_of;

TEST(SplitEvent, FragmentsBecomeOneEventWithTheLastToken) {
  SplitEventJoiner joiner;
  const std::string first =
      bson_of(R"({"_id": {"_data": "a"}, "splitEvent": {"fragment": 1, "of": 2}, "operationType": "update",
                                        "documentKey": {"_id": 1}})");
  const std::string second =
      bson_of(R"({"_id": {"_data": "b"}, "splitEvent": {"fragment": 2, "of": 2}, "fullDocument": {"x": 1}})");
  auto joined = joiner.add(first, *fragment_of(first));
  ASSERT_TRUE(joined.ok());
  EXPECT_TRUE(joined->empty());
  EXPECT_TRUE(joiner.pending());
  joined = joiner.add(second, *fragment_of(second));
  ASSERT_TRUE(joined.ok());
  EXPECT_FALSE(joiner.pending());
  EXPECT_EQ(*joined, bson_of(R"({"operationType": "update", "documentKey": {"_id": 1}, "_id": {"_data": "b"},
                                 "fullDocument": {"x": 1}})"));
}

TEST(SplitEvent, AnEventOfOnePieceIsNoFragment) {
  EXPECT_FALSE(fragment_of(bson_of(R"({"_id": 1, "splitEvent": {"fragment": 1, "of": 1}})")).has_value());
  EXPECT_FALSE(fragment_of(bson_of(R"({"_id": 1})")).has_value());
}

TEST(SplitEvent, AMissingFragmentIsNoticed) {
  SplitEventJoiner joiner;
  const std::string second = bson_of(R"({"_id": 1, "splitEvent": {"fragment": 2, "of": 3}})");
  EXPECT_EQ(kind_of(joiner.add(second, *fragment_of(second))), ErrorKind::kCorruption);
}

}  // namespace
}  // namespace dualsync
