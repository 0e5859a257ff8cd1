#include "dualsync/pipeline/schema_compare.h"

#include <gtest/gtest.h>

#include "dualsync/pipeline/index_sync.h"
#include "support/bson_literal.h"

namespace dualsync {
namespace {

using test::bson;
using Words = std::vector<std::string>;

TEST(SchemaCompare, WhatAMirrorIsNotToldIsNoDifference) {
  EXPECT_EQ(different_options(bson(R"({"expireAfterSeconds": 3600, "clusteredIndex": {"key": {"_id": 1}},
                                       "storageEngine": {"wiredTiger": {}}, "temp": true, "flags": 1, "capped": true,
                                       "size": 4096, "autoIndexId": true})"),
                              bson(R"({"clusteredIndex": {"key": {"_id": 1}}})")),
            Words());
  EXPECT_EQ(different_options(bson(R"({"timeseries": {"timeField": "t"}, "expireAfterSeconds": 60})"),
                              bson(R"({"timeseries": {"timeField": "t"}})")),
            Words());
}

TEST(SchemaCompare, WhatTheMirrorHasIsOneIfItIsNotTheSame) {
  EXPECT_EQ(different_options(bson(R"({"validator": {"a": 1}, "clusteredIndex": {"key": {"_id": 1}}})"),
                              bson(R"({"validator": {"a": {"$numberLong": "1"}}})")),
            (Words{"option 'clusteredIndex' is missing on the backup", "option 'validator' differs"}));
}

TEST(SchemaCompare, AnIndexIsTheSameWithoutWhatServersMakeOfIt) {
  EXPECT_EQ(different_indexes({bson(R"({"v": 1, "key": {"a": 1}, "name": "a", "ns": "d.c", "dropDups": true,
                                        "storageEngine": {"wiredTiger": {}}, "expireAfterSeconds": 5})")},
                              {bson(R"({"v": 2, "key": {"a": 1}, "name": "a"})")}),
            Words());
}

TEST(SchemaCompare, DirectionsOfOldServersAreWhatTheyAreBuiltAs) {
  EXPECT_EQ(different_indexes({bson(R"({"key": {"a": "", "b": 0, "c": true, "d": {"$numberLong": "-1"}},
                                         "name": "x"})")},
                              {bson(R"({"key": {"a": 1, "b": 1, "c": 1.0, "d": -1}, "name": "x"})")}),
            Words());
  EXPECT_EQ(different_indexes({bson(R"({"key": {"a": 1, "b": -1}, "name": "x"})")},
                              {bson(R"({"key": {"a": 1, "b": 1}, "name": "x"})")}),
            Words{"index 'x' differs"});
  EXPECT_EQ(different_indexes({bson(R"({"key": {"a": 1, "b": 1}, "name": "x"})")},
                              {bson(R"({"key": {"b": 1, "a": 1}, "name": "x"})")}),
            Words{"index 'x' differs"});
  EXPECT_EQ(different_indexes({bson(R"({"key": {"a": "2dsphere"}, "name": "x"})")},
                              {bson(R"({"key": {"a": 1}, "name": "x"})")}),
            Words{"index 'x' differs"});
}

TEST(SchemaCompare, BoundsAreWhatIsKeptForRestore) {
  EXPECT_EQ(bounds_of(bson(R"({"validator": {}, "size": 5, "capped": true, "expireAfterSeconds": 7})")),
            bson(R"({"capped": true, "size": 5, "expireAfterSeconds": 7})"));
  EXPECT_EQ(bounds_of(bson(R"({"validator": {}})")), "");
  EXPECT_EQ(bounds_of(""), "");
}

TEST(SchemaCompare, WhatIsRestoredExpiresAsLocalDid) {
  EXPECT_EQ(different_bounds(bson(R"({"expireAfterSeconds": 3600})"), bson("{}")),
            Words{"option 'expireAfterSeconds' comes back as none instead of 3600"});
  EXPECT_EQ(different_bounds(bson(R"({"expireAfterSeconds": 3600, "size": 5})"),
                             bson(R"({"size": 5, "expireAfterSeconds": {"$numberLong": "3600"}})")),
            Words());
}

}  // namespace
}  // namespace dualsync
