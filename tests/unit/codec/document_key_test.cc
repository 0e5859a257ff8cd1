#include "dualsync/codec/document_key.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/bson_literal.h"

namespace dualsync {
namespace {

using test::id_key;

std::string canonical(const char* json) {
  std::string key;
  EXPECT_TRUE(append_canonical_key(id_key(json), &key)) << json;
  return key;
}

// Each row holds values that MongoDB's _id index treats as one; values of different rows are different.
const std::vector<std::vector<const char*>> kClasses = {
    {R"({"$numberInt":"1"})", R"({"$numberLong":"1"})", R"({"$numberDouble":"1.0"})", R"({"$numberDecimal":"1"})",
     R"({"$numberDecimal":"1.000"})", R"({"$numberDecimal":"10E-1"})"},
    {R"({"$numberInt":"0"})", R"({"$numberDouble":"-0.0"})", R"({"$numberDecimal":"-0"})",
     R"({"$numberDecimal":"0E+20"})"},
    {R"({"$numberDouble":"0.5"})", R"({"$numberDecimal":"0.5"})", R"({"$numberDecimal":"0.50"})"},
    {R"({"$numberDouble":"0.1"})"},
    {R"({"$numberDecimal":"0.1"})"},
    {R"({"$numberDouble":"NaN"})", R"({"$numberDecimal":"NaN"})"},
    {R"({"$numberDouble":"Infinity"})", R"({"$numberDecimal":"Infinity"})"},
    {R"({"$numberDouble":"-Infinity"})", R"({"$numberDecimal":"-Infinity"})"},
    {R"({"$numberDouble":"1e20"})", R"({"$numberDecimal":"1E+20"})", R"({"$numberDecimal":"100000000000000000000"})"},
    {R"({"$numberLong":"9223372036854775807"})", R"({"$numberDecimal":"9223372036854775807"})"},
    {R"({"$numberDouble":"9223372036854775808"})", R"({"$numberDecimal":"9223372036854775808"})"},
    {R"({"$numberLong":"-9223372036854775808"})", R"({"$numberDouble":"-9223372036854775808"})"},
    {R"({"$numberDecimal":"1E-6176"})"},
    {R"({"$numberDouble":"5e-324"})"},
    {R"("1")"},
    {R"("")"},
    {R"(null)"},
    {R"(true)"},
    {R"(false)"},
    {R"({"$oid":"5f0000000000000000000001"})"},
    {R"({"$date":{"$numberLong":"1"}})"},
    {R"({"$timestamp":{"t":0,"i":1}})"},
    {R"({"$binary":{"base64":"AQ==","subType":"00"}})"},
    {R"({"$binary":{"base64":"AQ==","subType":"05"}})"},
    {R"({"$minKey":1})"},
    {R"({"$maxKey":1})"},
    {R"({"a":{"$numberInt":"1"},"b":{"$numberInt":"2"}})", R"({"a":{"$numberLong":"1"},"b":{"$numberDouble":"2.0"}})"},
    {R"({"b":{"$numberInt":"2"},"a":{"$numberInt":"1"}})"},
    {R"({"a":{"$numberInt":"1"}})"},
    {R"({"a":[{"$numberInt":"1"}]})", R"({"a":[{"$numberDecimal":"1.0"}]})"},
    {R"({"a":[{"$numberInt":"1"},{"$numberInt":"2"}]})"},
    {R"({"a":[[{"$numberInt":"1"}],{"$numberInt":"2"}]})"},
    {R"({})"},
    {R"({"a":{}})"},
    {R"({"a":[]})"},
};

TEST(DocumentKey, EqualValuesGiveOneKeyAndDifferentValuesNever) {
  for (std::size_t i = 0; i < kClasses.size(); ++i) {
    for (const char* left : kClasses[i]) {
      for (std::size_t j = 0; j < kClasses.size(); ++j) {
        for (const char* right : kClasses[j]) {
          EXPECT_EQ(canonical(left) == canonical(right), i == j) << left << " and " << right;
        }
      }
    }
  }
}

TEST(DocumentKey, OnlyTheIdCounts) {
  std::string with_shard_key;
  ASSERT_TRUE(append_canonical_key(test::bson(R"({"region":"x","_id":1})"), &with_shard_key));
  EXPECT_EQ(with_shard_key, canonical("1"));
}

TEST(DocumentKey, BytesThatAreNoKeyAreRefused) {
  std::string key = "before";
  EXPECT_FALSE(append_canonical_key("", &key));
  EXPECT_FALSE(append_canonical_key("garbage", &key));
  EXPECT_FALSE(append_canonical_key(test::bson(R"({"a":1})"), &key));
  EXPECT_EQ(key, "before");
}

TEST(DocumentKey, TheKeyOfADocumentKeepsTheIdsBytes) {
  EXPECT_EQ(id_key_of(test::bson(R"({"a":1,"_id":{"$numberLong":"7"}})")), id_key(R"({"$numberLong":"7"})"));
  EXPECT_EQ(id_key_of(test::bson(R"({"a":1})")), "");
}

TEST(IdKeyFromText, TakesExtendedJsonAndElseText) {
  EXPECT_EQ(id_key_from_text("5"), test::bson(R"({"_id": 5})"));
  EXPECT_EQ(id_key_from_text(R"({"$oid": "65a000000000000000000001"})"),
            test::bson(R"({"_id": {"$oid": "65a000000000000000000001"}})"));
  EXPECT_EQ(id_key_from_text("\"5\""), test::bson(R"({"_id": "5"})"));
  EXPECT_EQ(id_key_from_text("A-17"), test::bson(R"({"_id": "A-17"})"));
  EXPECT_EQ(id_key_from_text(R"(1, "b": 2)"), test::bson(R"({"_id": "1, \"b\": 2"})"));
}

}  // namespace
}  // namespace dualsync
