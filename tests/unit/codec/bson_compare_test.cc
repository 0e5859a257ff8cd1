#include "dualsync/codec/bson_compare.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/bson_literal.h"

namespace dualsync {
namespace {

using test::bson;
using test::id_key;

TEST(BsonCompare, IdsStandInMongoDBsOrder) {
  const std::vector<const char*> ascending = {
      R"({"$minKey":1})",
      R"(null)",
      R"({"$numberDouble":"NaN"})",
      R"({"$numberDouble":"-Infinity"})",
      R"({"$numberLong":"-9223372036854775808"})",
      R"({"$numberDouble":"-1.5"})",
      R"({"$numberDecimal":"-1.4"})",
      R"({"$numberInt":"0"})",
      R"({"$numberDecimal":"1E-6176"})",
      R"({"$numberDouble":"0.1"})",
      R"({"$numberInt":"1"})",
      R"({"$numberLong":"9007199254740993"})",
      R"({"$numberDouble":"9007199254740994"})",
      R"({"$numberDecimal":"1E+6000"})",
      R"({"$numberDouble":"Infinity"})",
      R"("")",
      R"("A")",
      R"("a")",
      R"("a\u0000b")",
      R"("ab")",
      R"({})",
      R"({"a":{"$numberInt":"1"}})",
      R"({"a":{"$numberInt":"1"},"b":{"$numberInt":"1"}})",
      R"({"a":{"$numberInt":"2"}})",
      R"({"b":{"$numberInt":"0"}})",
      R"({"a":"text"})",
      R"({"$binary":{"base64":"/w==","subType":"00"}})",
      R"({"$binary":{"base64":"AQ==","subType":"05"}})",
      R"({"$binary":{"base64":"AAA=","subType":"00"}})",
      R"({"$oid":"5f0000000000000000000001"})",
      R"({"$oid":"5f0000000000000000000002"})",
      R"(false)",
      R"(true)",
      R"({"$date":{"$numberLong":"-1"}})",
      R"({"$date":{"$numberLong":"1"}})",
      R"({"$timestamp":{"t":1,"i":2}})",
      R"({"$timestamp":{"t":2,"i":1}})",
      R"({"$maxKey":1})",
  };
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      const auto order = compare_ids(id_key(ascending[i]), id_key(ascending[j]));
      EXPECT_EQ(order < 0, i < j) << ascending[i] << " and " << ascending[j];
      EXPECT_EQ(order == 0, i == j) << ascending[i] << " and " << ascending[j];
    }
  }
}

TEST(BsonCompare, EqualNumbersOfDifferentTypesCompareAsEqual) {
  EXPECT_EQ(compare_ids(id_key(R"({"$numberInt":"1"})"), id_key(R"({"$numberDecimal":"1.0"})")),
            std::strong_ordering::equal);
}

TEST(BsonCompare, TheFirstDifferenceIsNamedByPath) {
  EXPECT_EQ(first_difference(bson(R"({"a":1,"b":{"c":[1,2]}})"), bson(R"({"a":1,"b":{"c":[1,3]}})")), "b.c.1");
  EXPECT_EQ(first_difference(bson(R"({"a":{"$numberInt":"1"}})"), bson(R"({"a":{"$numberLong":"1"}})")), "a");
  EXPECT_EQ(first_difference(bson(R"({"a":1,"b":2})"), bson(R"({"b":2,"a":1})")), "a");
  EXPECT_EQ(first_difference(bson(R"({"a":1})"), bson(R"({"a":1,"z":1})")), "z");
  EXPECT_EQ(first_difference(bson(R"({"a":1})"), bson(R"({"a":1})")), "");
}

}  // namespace
}  // namespace dualsync
