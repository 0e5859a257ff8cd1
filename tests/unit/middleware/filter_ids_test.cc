#include "dualsync/middleware/filter_ids.h"

#include <gtest/gtest.h>

#include "support/bson_literal.h"

namespace dualsync {
namespace {

using Keys = std::vector<std::string>;

std::optional<Keys> ids(const std::string& json, bool collation = false) {
  return ids_of_filter(test::bson(json), collation);
}
Keys keys(const std::vector<std::string>& values) {
  Keys all;
  for (const std::string& value : values) all.push_back(test::id_key(value));
  return all;
}

TEST(FilterIds, OfEqualityWithAValueOfAnyType) {
  for (const char* value : {"1", "\"a\"", "2.5", "null", "true", R"({"$oid":"0123456789abcdef01234567"})",
                            R"({"$numberLong":"7"})", R"({"a":1,"b":[1,2]})", R"({"$date":{"$numberLong":"5"}})",
                            R"({"$numberDecimal":"1.50"})", R"({"$binary":{"base64":"AAEC","subType":"04"}})"}) {
    EXPECT_EQ(ids(std::string(R"({"v":3,"_id":)") + value + "}"), keys({value})) << value;
    EXPECT_EQ(ids(std::string(R"({"_id":{"$eq":)") + value + "}}"), keys({value})) << value;
    EXPECT_EQ(ids(std::string(R"({"_id":{"$in":[9,)") + value + "]}}"), keys({"9", value})) << value;
  }
}

TEST(FilterIds, OfOneOfSeveralConditions) {
  EXPECT_EQ(ids(R"({"_id":{"$gt":0,"$in":[1,2]}})"), keys({"1", "2"}));
  EXPECT_EQ(ids(R"({"$and":[{"v":1},{"_id":{"$gt":1}},{"_id":{"$in":[1,2]}}]})"), keys({"1", "2"}));
  EXPECT_EQ(ids(R"({"_id":{"$gt":1},"$and":[{"_id":2}]})"), keys({"2"}));
  EXPECT_EQ(ids(R"({"_id":{"$in":[]}})"), Keys());
}

TEST(FilterIds, WhatMayMatchAnyDocumentHasNone) {
  for (const char* filter :
       {"{}", R"({"v":1})", R"({"_id":{"$gt":1}})", R"({"_id":{"$ne":1}})",
        R"({"_id":{"$regularExpression":{"pattern":"a","options":""}}})",
        R"({"_id":{"$in":[1,{"$regularExpression":{"pattern":"a","options":""}}]}})", R"({"_id":{"$exists":true}})",
        R"({"_id.site":1})", R"({"$or":[{"_id":1},{"v":1}]})", R"({"$and":[{"v":1}]})", R"({"_id":[1]})",
        R"({"$nor":[{"_id":1}]})", R"({"_id":{"$not":{"$eq":1}}})"}) {
    EXPECT_EQ(ids(filter), std::nullopt) << filter;
  }
  EXPECT_EQ(ids_of_filter("", false), std::nullopt);
}

TEST(FilterIds, WithACollationATextMatchesOthers) {
  EXPECT_EQ(ids(R"({"_id":"a"})", true), std::nullopt);
  EXPECT_EQ(ids(R"({"_id":{"$in":[1,"a"]}})", true), std::nullopt);
  EXPECT_EQ(ids(R"({"_id":{"name":"a"}})", true), std::nullopt);
  EXPECT_EQ(ids(R"({"_id":7})", true), keys({"7"}));
}

}  // namespace
}  // namespace dualsync
