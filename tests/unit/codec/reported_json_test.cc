#include "dualsync/codec/reported_json.h"

#include <gtest/gtest.h>

#include "dualsync/codec/validate.h"
#include "support/bson_literal.h"

namespace dualsync {
namespace {

std::string problem_with(const std::string& body) {
  const auto parsed = parse_reported(body);
  return parsed ? "accepted" : parsed.error().message;
}

TEST(ReportedJson, TakesKeysInBothForms) {
  const auto parsed = parse_reported(R"({"operations":[
      {"collection":"shop.bills","filter":{"_id":{"$oid":"65a0c0ffee0123456789abcd"}}},
      {"collection":"shop.bills.lines","filter":{"_id":{"$numberLong":"7"}}},
      {"collection":"shop.bills","filterBson":{"$binary":{"base64":"DgAAABBfaWQAAQAAAAA=","subType":"00"}}},
      {"collection":"shop.bills","filter":{"_id":null}}],
      "dirtyRanges":[{"collection":"shop.bills"},{"collection":"shop"}]})");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->documents.size(), 4U);
  EXPECT_EQ(parsed->documents[0].ns, (Namespace{"shop", "bills"}));
  EXPECT_EQ(parsed->documents[0].document_key, test::bson(R"({"_id":{"$oid":"65a0c0ffee0123456789abcd"}})"));
  EXPECT_EQ(parsed->documents[1].ns, (Namespace{"shop", "bills.lines"}));
  EXPECT_EQ(parsed->documents[1].document_key, test::bson(R"({"_id":{"$numberLong":"7"}})"));
  EXPECT_EQ(parsed->documents[2].document_key, test::bson(R"({"_id":1})"));
  EXPECT_EQ(parsed->documents[3].document_key, test::bson(R"({"_id":null})"));
  ASSERT_EQ(parsed->ranges.size(), 2U);
  EXPECT_EQ(parsed->ranges[1], (Namespace{"shop", ""}));
}

TEST(ReportedJson, AnEmptyReportIsOne) {
  EXPECT_EQ(problem_with("{}"), "accepted");
  EXPECT_EQ(problem_with(R"({"operations":[],"dirtyRanges":[]})"), "accepted");
}

TEST(ReportedJson, NamesTheFirstBadEntry) {
  const std::string good = R"({"collection":"shop.bills","filter":{"_id":1}})";
  const auto third = [&](const std::string& bad) {
    return problem_with(R"({"operations":[)" + good + "," + good + "," + bad + "]}");
  };
  EXPECT_EQ(third(R"({"collection":"shop.bills"})"), "operations[2]: field `filter`: it is missing");
  EXPECT_EQ(third(R"({"collection":"bills","filter":{"_id":1}})"),
            "operations[2]: field `collection`: not database.collection");
  EXPECT_EQ(third(R"({"collection":".bills","filter":{"_id":1}})"),
            "operations[2]: field `collection`: not database.collection");
  EXPECT_EQ(third(R"({"collection":"shop.bills","filter":{"id":1}})"),
            "operations[2]: field `filter`: it names no _id");
  EXPECT_EQ(third(R"({"collection":"shop.bills","filter":{"_id":1},"documentId":1})"),
            "operations[2]: field `documentId`: not known");
  EXPECT_EQ(third(R"({"collection":"shop.bills","filter":7})"), "operations[2]: field `filter`: not an object");
  EXPECT_EQ(third(R"({"collection":"shop.bills","filter":{"_id":1},"colour":1})"),
            "operations[2]: field `colour`: not known");
  EXPECT_EQ(problem_with(R"({"dirtyRanges":[{"collection":""}]})"), "dirtyRanges[0]: field `collection`: not a text");
  EXPECT_EQ(problem_with(R"({"dirtyRanges":[{"collection":"shop","why":1}]})"),
            "dirtyRanges[0]: field `why`: not known");
  for (const char* id :
       {"[1]", R"({"$regularExpression":{"pattern":"a","options":""}})", R"({"$undefined":true})", R"({"$set":1})"}) {
    EXPECT_EQ(
        third(std::string(R"({"collection":"shop.bills","filter":{"_id":)") + id + "}}"),
        "operations[2]: field `filter`: an array, a regular expression, undefined or a name with $ cannot be an _id");
  }
}

TEST(ReportedJson, RefusesWhatIsNoReport) {
  for (const char* body :
       {"", "7", "[]", "{", R"({"operations":{}})", R"({"operations":[7]})", R"({"operations":[null]})",
        R"({"operations":[{}]})", R"({"operation":[]})", "{} {}", R"({"operations":[],})",
        R"({"operations":[{"collection":"a.b","filter":{"_id":1},"filter":{"_id":2}}]})",
        R"({"operations":[{"collection":"a.b","filter":{"_id":{"$oid":"zz"}}}]})",
        R"({"operations":[{"collection":"a.b","filterBson":{"$binary":{"base64":"AA==","subType":"00"}}}]})"}) {
    EXPECT_NE(problem_with(body), "accepted") << body;
  }
}

TEST(ReportedJson, IsBounded) {
  std::string body = R"({"operations":[)";
  for (std::size_t i = 0; i < kReportedMax; ++i) body += R"({"collection":"a.b","filter":{"_id":1}},)";
  EXPECT_EQ(problem_with(body.substr(0, body.size() - 1) + "]}"), "accepted");
  EXPECT_EQ(problem_with(body + R"({"collection":"a.b","filter":{"_id":1}}]})"),
            "`operations` has more than 10000 entries");
  EXPECT_NE(problem_with(R"({"operations":[{"collection":"a.b","filter":{"_id":)" + std::string(100'000, '[')),
            "accepted");
}

// {_id: {a: {a: ...}}}, `levels` deep.
std::string nested(std::size_t levels) {
  std::string document("\5\0\0\0\0", 5);
  for (std::size_t i = 0; i < levels; ++i) {
    const std::string name = i + 1 == levels ? "_id" : "a";
    const auto length = static_cast<std::uint32_t>(4 + 1 + name.size() + 1 + document.size() + 1);
    std::string outer(reinterpret_cast<const char*>(&length), 4);
    document = outer + '\3' + name + '\0' + document + '\0';
  }
  return document;
}

std::string base64(const std::string& bytes) {
  BsonDoc doc;
  bson_append_binary(doc.get(), "v", 1, BSON_SUBTYPE_BINARY, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                     static_cast<std::uint32_t>(bytes.size()));
  const std::string json = to_json(doc.bytes());
  const std::size_t from = json.find('"', json.find(':', json.find("base64"))) + 1;
  return json.substr(from, json.find('"', from) - from);
}

TEST(ReportedJson, ADeepKeyIsRefusedBeforeAnybodyFollowsIt) {
  const auto with = [](std::size_t levels) {
    return problem_with(R"({"operations":[{"collection":"a.b","filterBson":{"$binary":{"base64":")" +
                        base64(nested(levels)) + R"(","subType":"00"}}}]})");
  };
  EXPECT_EQ(with(100), "accepted");
  EXPECT_NE(with(kBsonDepthMax + 1), "accepted");
  EXPECT_NE(with(5000), "accepted");
}

}  // namespace
}  // namespace dualsync
