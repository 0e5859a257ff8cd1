// Answers to write commands, as servers print them.
#include "dualsync/mongo/write_reply.h"
#include "mongo_fixture.h"

namespace dualsync::test {
namespace {

TEST(WriteReply, ADuplicateThatFailsTheWholeCommandNamesItsValues) {
  const std::string reply =
      bson_of(R"({"ok": 0, "code": 11000, "errmsg": "E11000 index: a_1 dup key: { a: \"planted\" }",
                                        "keyPattern": {"a": 1}, "keyValue": {"a": "planted"}})");
  const WriteOutcome outcome = refused_outcome(*view_bson(reply), "settle");
  EXPECT_FALSE(outcome.ok);
  EXPECT_FALSE(outcome.duplicate_id);
  EXPECT_EQ(outcome.error.kind, ErrorKind::kDuplicateKey);
  EXPECT_EQ(outcome.error.message.find("planted"), std::string::npos) << outcome.error.message;
  EXPECT_EQ(outcome.collision, bson_of(R"({"a": "planted"})"));
}

TEST(WriteReply, EachErrorGoesToItsItem) {
  const std::string reply = bson_of(R"({"ok": 1, "writeErrors": [
      {"index": 1, "code": 11000, "errmsg": "E11000", "keyPattern": {"_id": 1}, "keyValue": {"_id": 7}},
      {"index": 9, "code": 121, "errmsg": "of an item that was not sent"}]})");
  std::vector<WriteOutcome> outcomes(4);
  const std::vector<std::size_t> sent = {3, 0};
  EXPECT_EQ(apply_write_errors(*view_bson(reply), sent, "write", &outcomes), 1U);
  EXPECT_FALSE(outcomes[0].ok);
  EXPECT_TRUE(outcomes[0].duplicate_id);
  for (const std::size_t other : {1U, 2U, 3U}) EXPECT_TRUE(outcomes[other].ok);
}

}  // namespace
}  // namespace dualsync::test
