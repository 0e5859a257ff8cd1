#include "dualsync/codec/delta.h"

#include <gtest/gtest.h>

#include "dualsync/codec/bson.h"
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
  EXPECT_FALSE(is_exact_delta(description("{}", "[]"))) << "it has moved fields";
}

TEST(Delta, DisjointAndEqualPathsMerge) {
  const auto merged =
      merge_deltas(description(R"({"a":1,"b.c":2})", R"(["x"])"), description(R"({"a":9,"d":3})", R"(["x","y"])"));
  ASSERT_TRUE(merged);
  EXPECT_EQ(*merged, bson(R"({"updatedFields":{"b.c":2,"a":9,"d":3},"removedFields":["x","y"]})"));
}

// {name: /^a/xi}, as another driver may write it: libbson would sort the options.
std::string unsorted_regex(const std::string& name) {
  const std::string element = std::string("\x0b") + name + '\0' + "^a" + '\0' + "xi" + '\0';
  return std::string(1, static_cast<char>(5 + element.size())) + std::string(3, '\0') + element + '\0';
}

TEST(Delta, AMergeKeepsEveryByteOfAValue) {
  BsonDoc older;
  append_document(older.get(), "updatedFields", unsorted_regex("a"));
  BsonDoc newer;
  append_document(newer.get(), "updatedFields", bson(R"({"b":1})"));
  const auto merged = merge_deltas(older.bytes(), newer.bytes());
  ASSERT_TRUE(merged.has_value());
  const std::string regex = unsorted_regex("a");
  EXPECT_NE(merged->find(regex.substr(4, regex.size() - 5)), std::string::npos);
}

TEST(Delta, AValueIsAppendedAsItIs) {
  for (const std::string& document :
       {unsorted_regex("a"), bson(R"({"a":1.5})"), bson(R"({"a":null})"), bson(R"({"a":{"b":[1,{"$minKey":1}]}})"),
        bson(R"({"a":{"$code":"f"}})"), bson(R"({"a":{"$code":"f","$scope":{"x":1}}})"),
        std::string("\x10\0\0\0\x0d"
                    "a\0\x04\0\0\0"
                    "x\0y\0\0",
                    16)}) {
    bson_iter_t field;
    ASSERT_TRUE(find_field(document, "a", &field)) << to_json(document);
    BsonDoc copy;
    append_value(copy.get(), "a", field);
    EXPECT_EQ(copy.bytes(), document);
  }
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
