#include "dualsync/codec/delta.h"

#include <gtest/gtest.h>

#include "support/bson_literal.h"

namespace dualsync {
namespace {

using test::bson;

std::string description(const std::string& updated, const std::string& removed,
                        const std::string& rest = R"("truncatedArrays":[],"disambiguatedPaths":{})") {
  return bson(R"({"updatedFields":)" + updated + R"(,"removedFields":)" + removed + (rest.empty() ? "" : "," + rest) +
              "}");
}

TEST(Delta, ExactWhereItIsTheSameChangeByteForByte) {
  EXPECT_TRUE(is_exact_delta(description(R"({"a":1,"b.c":2})", R"(["d","e.f"])")));
  EXPECT_TRUE(is_exact_delta(description(R"({"a":1})", "[]", "")));
}

TEST(Delta, NotExactWhereInDoubt) {
  EXPECT_FALSE(is_exact_delta(description(R"({"a.0":1})", "[]"))) << "array index, or a field named 0";
  EXPECT_FALSE(is_exact_delta(description(R"({"a.0.b":1})", "[]")));
  EXPECT_FALSE(is_exact_delta(description(R"({})", R"(["a.12"])")));
  EXPECT_FALSE(is_exact_delta(description(R"({"$x":1})", "[]")));
  EXPECT_FALSE(is_exact_delta(description(R"({"a.$x":1})", "[]")));
  EXPECT_FALSE(is_exact_delta(description(R"({"a..b":1})", "[]")));
  EXPECT_FALSE(is_exact_delta(description(R"({"":1})", "[]")));
  EXPECT_FALSE(is_exact_delta(
      description(R"({"a":1})", "[]", R"("truncatedArrays":[{"field":"x","newSize":1}],"disambiguatedPaths":{})")));
  EXPECT_FALSE(is_exact_delta(
      description(R"({"a.b":1})", "[]", R"("truncatedArrays":[],"disambiguatedPaths":{"a.b":["a.b"]})")));
  EXPECT_FALSE(is_exact_delta(description(R"({"a.b":1})", "[]", R"("truncatedArrays":[])")))
      << "a server that does not tell literal dots apart";
  EXPECT_FALSE(is_exact_delta(description(R"({"a":1})", "[]", R"("somethingNew":1)")));
  EXPECT_FALSE(is_exact_delta(bson(R"({"updatedFields":1})")));
  EXPECT_FALSE(is_exact_delta("not bson"));
}

TEST(Delta, DisjointAndEqualPathsMerge) {
  const auto merged =
      merge_deltas(description(R"({"a":1,"b.c":2})", R"(["x"])"), description(R"({"a":9,"d":3})", R"(["x","y"])"));
  ASSERT_TRUE(merged);
  EXPECT_EQ(*merged, bson(R"({"updatedFields":{"b.c":2,"a":9,"d":3},"removedFields":["x","y"]})"));
}

TEST(Delta, PrefixesAndSetAfterRemoveDoNotMerge) {
  EXPECT_FALSE(merge_deltas(description(R"({"a":1})", "[]"), description(R"({"a.b":1})", "[]")));
  EXPECT_FALSE(merge_deltas(description(R"({"a.b":1})", "[]"), description(R"({"a":1})", "[]")));
  EXPECT_FALSE(merge_deltas(description(R"({})", R"(["a"])"), description(R"({"a.b":1})", "[]")));
  EXPECT_FALSE(merge_deltas(description(R"({"a":1})", "[]"), description(R"({})", R"(["a"])")));
  EXPECT_FALSE(merge_deltas(description(R"({})", R"(["a"])"), description(R"({"a":1})", "[]")));
  EXPECT_TRUE(merge_deltas(description(R"({"ab":1})", "[]"), description(R"({"a":1})", "[]"))) << "ab is not below a";
}

TEST(Delta, TooManyPathsAreCheaperToReadAgain) {
  std::string many = "{";
  for (int i = 0; i < 70; ++i) many += (i == 0 ? "" : ",") + std::string("\"f") + std::to_string(i) + "\":1";
  many += "}";
  EXPECT_FALSE(merge_deltas(description(many, "[]"), description(R"({"z":1})", "[]")));
}

}  // namespace
}  // namespace dualsync
