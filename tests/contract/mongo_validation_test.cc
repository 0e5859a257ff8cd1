// Error 121 as a dead letter shows it: which field breaks which rule, and no value of the document.
//
// The answers are those that MongoDB 5.0 and later give, as its manual prints them. The embedded server gives the same
// (the last test asks it), but lets everybody bypass validation, so that no whole run can be refused by it.
#include "dualsync/mongo/validation_details.h"
#include "dualsync/mongo/write_reply.h"
#include "mongo_fixture.h"

namespace dualsync::test {
namespace {

constexpr const char* kSchemaInfo = R"({"failingDocumentId":7,"details":{"operatorName":"$jsonSchema","title":"people",
  "schemaRulesNotSatisfied":[
    {"operatorName":"properties","propertiesNotSatisfied":[
      {"propertyName":"year","description":"from 2017","details":[
        {"operatorName":"minimum","specifiedAs":{"minimum":2017},"reason":"comparison failed","consideredValue":1999}]},
      {"propertyName":"address","details":[{"operatorName":"properties","propertiesNotSatisfied":[
        {"propertyName":"zip","details":[{"operatorName":"bsonType","specifiedAs":{"bsonType":"string"},
          "reason":"type did not match","consideredValue":"SECRET","consideredType":"int"}]}]}]}]},
    {"operatorName":"required","specifiedAs":{"required":["year","major"]},"missingProperties":["major"]},
    {"operatorName":"additionalProperties","specifiedAs":{"additionalProperties":false},
     "additionalProperties":["nick"]}]}})";

TEST(ValidationDetails, NamesFieldsAndRulesOfASchema) {
  const std::string text = describe_validation(bson_of(kSchemaInfo));
  EXPECT_EQ(text,
            "`year`: minimum, comparison failed; `address.zip`: bsonType, type did not match; `major` is missing; "
            "`nick` is not allowed");
}

TEST(ValidationDetails, NamesFieldsOfQueryRules) {
  EXPECT_EQ(describe_validation(bson_of(R"({"details":{"operatorName":"$type","specifiedAs":{"n":{"$type":"int"}},
      "reason":"type did not match","consideredValue":"SECRET","consideredType":"string"}})")),
            "`n`: $type, type did not match");
  EXPECT_EQ(describe_validation(bson_of(R"({"details":{"operatorName":"$and","clausesNotSatisfied":[
      {"index":1,"details":{"operatorName":"$gte","specifiedAs":{"v":{"$gte":5}},"reason":"comparison failed",
       "consideredValue":1}}]}})")),
            "`v`: $gte, comparison failed");
}

TEST(ValidationDetails, IsBoundedAndNeverFails) {
  EXPECT_EQ(describe_validation(""), "");
  EXPECT_EQ(describe_validation("rubbish"), "");
  EXPECT_EQ(describe_validation(bson_of(R"({"details":5})")), "");
  EXPECT_EQ(describe_validation(bson_of(R"({"details":{"operatorName":"$expr","reason":"expression did not match"}})")),
            "$expr, expression did not match");
  std::string deep = R"({"reason":"no"})";
  for (int i = 0; i < 60; ++i) deep = R"({"details":)" + deep + "}";
  EXPECT_EQ(describe_validation(bson_of(deep)), "") << "too deep to be looked at";
  std::string many;
  for (int i = 0; i < 50; ++i) many += (i > 0 ? ",\"" : "\"") + std::to_string(i) + std::string(500, 'x') + '"';
  const std::string text =
      describe_validation(bson_of(R"({"details":{"operatorName":"required","missingProperties":[)" + many + "]}}"));
  EXPECT_LT(text.size(), 800U);
  EXPECT_TRUE(text.ends_with("; and more")) << text;
}

TEST(ValidationDetails, StandInTheOutcomeOfTheItem) {
  const std::string reply = bson_of(R"({"n":1,"ok":1,"writeErrors":[{"index":1,"code":121,
      "errmsg":"Document failed validation","errInfo":)" +
                                    std::string(kSchemaInfo) + "}]}");
  std::vector<WriteOutcome> outcomes(4);
  const std::vector<std::size_t> sent = {0, 2};
  EXPECT_EQ(apply_write_errors(*view_bson(reply), sent, "insert into shop.people", &outcomes), 1U);
  EXPECT_TRUE(outcomes[0].ok);
  EXPECT_EQ(outcomes[2].error.kind, ErrorKind::kRefused);
  EXPECT_EQ(outcomes[2].error.code, 121);
  EXPECT_NE(outcomes[2].error.message.find("insert into shop.people: server error 121"), std::string::npos);
  EXPECT_NE(outcomes[2].error.message.find("`major` is missing"), std::string::npos) << outcomes[2].error.message;
  EXPECT_EQ(outcomes[2].error.message.find("SECRET"), std::string::npos);
}

class ValidationOnServer : public MongoTest {};

TEST_F(ValidationOnServer, ARefusedDocumentNamesTheField) {
  run_on_backup(R"({"create": "checked"})");
  run_on_backup(R"({"collMod": "checked", "validator": {"$jsonSchema": {"required": ["total"],
                   "properties": {"name": {"bsonType": "string"}}}}})");
  const auto writer = backup_->make_writer(WriterOptions{false});  // a role that may not bypass validation
  const std::string document = bson_of(R"({"_id": 1, "name": 5})");
  const std::string key = bson_of(R"({"_id": 1})");
  for (const auto kind : {WriteItem::Kind::kInsert, WriteItem::Kind::kReplace}) {
    const WriteItem item{kind, key, document};
    const auto outcomes = writer->write(ns("checked"), std::span(&item, 1));
    ASSERT_TRUE(outcomes.ok()) << outcomes.error().message;
    const Error& error = outcomes->front().error;
    EXPECT_EQ(error.code, 121);
    EXPECT_NE(error.message.find("`name`: bsonType"), std::string::npos) << error.message;
    EXPECT_NE(error.message.find("`total` is missing"), std::string::npos) << error.message;
  }
}

}  // namespace
}  // namespace dualsync::test
