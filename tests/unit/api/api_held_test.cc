// The routes by which somebody sees and decides on deletes that the mass-delete guard holds.
#include <bson/bson.h>

#include <vector>

#include "unit/api/api_fixture.h"

namespace dualsync {
namespace {

using Json = nlohmann::json;

constexpr const char* kHeld = "/api/sync/held";
constexpr const char* kRelease = "/api/sync/release";
constexpr const char* kDiscard = "/api/sync/discard";

std::string key_of(std::int32_t id) {
  bson_t key = BSON_INITIALIZER;
  BSON_APPEND_INT32(&key, "_id", id);
  std::string bytes(reinterpret_cast<const char*>(bson_get_data(&key)), key.len);
  bson_destroy(&key);
  return bytes;
}

class ApiHeldTest : public test::ApiFixture {
 protected:
  void hold_three() {
    control_.set_held_documents({{{"shop", "bills"}, key_of(1), Withheld::kHeld, 1000},
                                 {{"shop", "bills"}, key_of(2), Withheld::kDiscarded, 2000},
                                 {{"shop", "goods"}, key_of(3), Withheld::kHeld, 3000}});
  }
  Json get(const std::string& path) {
    const auto answer = client().Get(path);
    EXPECT_TRUE(answer);
    EXPECT_EQ(answer->status, 200) << answer->body;
    return Json::parse(answer->body);
  }
};

TEST_F(ApiHeldTest, ListsPageByPage) {
  EXPECT_EQ(get(kHeld), Json::parse(R"({"documents":[],"next":null})"));
  hold_three();
  const Json first = get(std::string(kHeld) + "?limit=2");
  ASSERT_EQ(first.at("documents").size(), 2U);
  EXPECT_EQ(first.at("documents").at(0),
            Json::parse(R"({"namespace":"shop.bills","documentKey":{"_id":{"$numberInt":"1"}},
                            "documentKeyHex":"0e000000105f6964000100000000","state":"held",
                            "since":"1970-01-01T00:00:01.000Z"})"));
  EXPECT_EQ(first.at("documents").at(1).at("state"), "discarded");
  const Json second = get(std::string(kHeld) + "?limit=2&after=" + first.at("next").get<std::string>());
  ASSERT_EQ(second.at("documents").size(), 1U);
  EXPECT_EQ(second.at("documents").at(0).at("namespace"), "shop.goods");
  EXPECT_EQ(second.at("next"), nullptr);
  EXPECT_EQ(get(std::string(kHeld) + "?namespace=shop.goods").at("documents").size(), 1U);
}

TEST_F(ApiHeldTest, RefusesQueriesThatItDoesNotUnderstand) {
  for (const char* query : {"limit=x", "limit=10001", "limit=-1", "namespace=shop", "namespace=.bills",
                            "namespace=shop.", "after=xyz", "after=abc", "colour=red"}) {
    SCOPED_TRACE(query);
    expect_problem(client().Get(std::string(kHeld) + "?" + query), 400, "invalid-argument");
  }
}

TEST_F(ApiHeldTest, ReleasesAndDiscards) {
  const auto released = client().Post(kRelease, R"({"namespace":"shop.bills"})", test::kJson);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->status, 202);
  EXPECT_EQ(Json::parse(released->body),
            Json::parse(R"({"namespace":"shop.bills","decision":"release","documents":7})"));
  EXPECT_TRUE(control_.decided().release);
  const auto discarded = client().Post(kDiscard, R"({"namespace":"shop.bills"})", test::kJson);
  ASSERT_TRUE(discarded);
  EXPECT_EQ(Json::parse(discarded->body).at("decision"), "discard");
  EXPECT_FALSE(control_.decided().release);
}

TEST_F(ApiHeldTest, DecidesNothingItWasNotToldExactly) {
  for (const char* path : {kRelease, kDiscard}) {
    for (const char* body :
         {"", "{}", "[]", "7", "{", R"({"namespace":7})", R"({"namespace":"shop"})", R"({"namespace":".bills"})",
          R"({"namespace":""})", R"({"namespace":"shop.bills","all":true})", R"({"namespaces":["shop.bills"]})"}) {
      SCOPED_TRACE(std::string(path) + " " + body);
      expect_problem(client().Post(path, body, test::kJson), 400, "invalid-argument");
    }
    expect_problem(client().Post(path, R"({"namespace":"shop.other"})", test::kJson), 404, "not-found");
    expect_problem(client().Get(path), 405, "method-not-allowed");
  }
  EXPECT_EQ(control_.decided().documents, 0U) << "none of them reached the guard";
}

}  // namespace
}  // namespace dualsync
