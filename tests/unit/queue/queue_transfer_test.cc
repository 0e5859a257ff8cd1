// export_queue() and import_queue().
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <fstream>
#include <sstream>

#include "dualsync/codec/operation_codec.h"
#include "dualsync/queue/queue_admin.h"
#include "dualsync/queue/queue_inspect.h"
#include "support/queue_fixture.h"
#include "support/raw_queue.h"

namespace dualsync {
namespace {

using test::bson;
using test::document;
using test::make_ddl;
using test::make_op;

std::string exported(const std::string& directory) {
  std::ostringstream out;
  const auto written = export_queue(directory, 5, 1'795'372'200'123, out);
  EXPECT_TRUE(written.ok()) << written.error().message;
  return out.str();
}

QueueOptions options_in(const std::string& directory) {
  QueueOptions options;
  options.directory = directory;
  options.lanes = 1;
  return options;
}

void append_all(const std::string& directory, const std::vector<Operation>& ops, std::uint16_t flags = 0) {
  auto queue = SyncQueue::open(options_in(directory));
  ASSERT_TRUE(queue.ok());
  AppendBatch batch;
  for (const Operation& op : ops) {
    batch.operations.push_back(op.view());
    batch.operations.back().flags = flags;
  }
  ASSERT_TRUE((*queue)->append(batch).ok());
}

std::vector<std::string> records_in(const std::string& directory) { return test::RawQueue(directory).records(); }

class QueueTransfer : public ::testing::Test {
 protected:
  Result<ImportedQueue> import(const std::string& text, bool as_recorded) {
    return import_queue(options_in(to_), dir_.write("queue.json", text), {"bomba", as_recorded});
  }
  // The import must fail like this and leave nothing behind.
  void expect_refused(const std::string& text, const std::string& message, bool as_recorded = true) {
    const auto imported = import(text, as_recorded);
    ASSERT_FALSE(imported.ok()) << text;
    EXPECT_NE(imported.error().message.find(message), std::string::npos) << imported.error().message;
    EXPECT_FALSE(std::filesystem::exists(to_)) << "something was stored";
  }

  test::ScratchDir dir_;
  std::string from_ = dir_.text() + "/from";
  std::string to_ = dir_.text() + "/to";
};

std::string entry(const std::string& rest, const std::string& id = "0b1c2d3e-0000-4000-8000-000000000001") {
  return R"({"id":")" + id + R"(","timestamp":"2025-11-30T09:59:58Z","retryCount":0,)" + rest + "}";
}
std::string file_of(const std::string& entries) {
  return R"({"version":"1.0","timestamp":"2025-11-30T10:00:00Z","operations":[)" + entries + "]}";
}

TEST_F(QueueTransfer, EveryTypeComesBackAsItWas) {
  append_all(
      from_,
      {make_op(OpKind::kInsert, "1", document("1", 1), {10, 1}),
       make_op(OpKind::kReplace, R"({"$oid":"65a000000000000000000001"})",
               bson(R"({"_id":{"$oid":"65a000000000000000000001"},"t":"gr\u00fcn \"x\" \\ \n","n":{"$numberLong":"7"},
                               "d":{"$numberDouble":"-0.0"},"z":{"$numberDouble":"NaN"},"a":[1,{"b":null}],
                               "when":{"$date":{"$numberLong":"-1"}},
                               "r":{"$regularExpression":{"pattern":"a\"b","options":"i"}},
                               "m":{"$minKey":1},"u":{"$undefined":true},"dec":{"$numberDecimal":"1.50"}})"),
               {10, 2}),
       make_op(OpKind::kDelta, "3", bson(R"({"updatedFields":{"v":1},"removedFields":["w"]})"), {10, 3}),
       make_op(OpKind::kDelete, "4", "", {10, 4}), make_op(OpKind::kTouch, "5", "", {10, 5}),
       make_ddl("drop", {"shop", "old"}, {10, 6})},
      kFlagRekey);
  const auto imported = import(exported(from_), true);
  ASSERT_TRUE(imported.ok()) << imported.error().message;
  EXPECT_EQ(imported->operations, 6U);
  EXPECT_EQ(records_in(to_), records_in(from_));
  EXPECT_EQ(check_queue(to_, {})->problem_count, 0U);
}

TEST_F(QueueTransfer, DocumentsWithoutAJsonFormComeBackToo) {
  BsonDoc odd;
  bson_append_int32(odd.get(), "_id", -1, 1);
  BsonDoc inner;
  bson_append_utf8(inner.get(), "$oid", -1, "not an object id", -1);
  append_document(odd.get(), "looksLikeAnId", inner.bytes());
  std::string bytes = odd.str();
  std::string not_utf8 = bson(R"({"_id":2,"t":"ab"})");
  not_utf8[not_utf8.find("ab")] = '\xff';
  append_all(from_, {make_op(OpKind::kInsert, "1", bytes), make_op(OpKind::kInsert, "2", not_utf8)});
  const std::string text = exported(from_);
  EXPECT_NE(text.find("dataBson"), std::string::npos);
  ASSERT_TRUE(import(text, true).ok());
  EXPECT_EQ(records_in(to_), records_in(from_));
}

TEST_F(QueueTransfer, HasTheFormOfTheFirstDesign) {
  append_all(from_, {make_op(OpKind::kInsert, "1", document("1", 7), {10, 1})});
  const std::string text = exported(from_);
  EXPECT_NE(text.find(R"({"version":"1.0","timestamp":"2026-11-22T18:30:00.123Z","operations":[)"), std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("type":"insert","collection":"shop.bills","data":{ "_id" : { "$numberInt" : "1" })"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("filter":{ "_id" : { "$numberInt" : "1" } },"documentId":{ "$numberInt" : "1" })"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("timestamp":"1970-01-01T00:00:00.001Z","retryCount":0,"maxRetries":5)"), std::string::npos)
      << text;
}

TEST_F(QueueTransfer, ImportsAsTouchesUnlessTold) {
  append_all(from_, {make_op(OpKind::kInsert, "1", document("1", 7), {10, 1}),
                     make_op(OpKind::kDelete, "2", "", {10, 2}), make_ddl("drop", {"shop", "old"}, {10, 6})});
  const auto imported = import(exported(from_), false);
  ASSERT_TRUE(imported.ok()) << imported.error().message;
  EXPECT_EQ(imported->operations, 2U);
  EXPECT_EQ(imported->dirty_ranges, 1U);
  for (const std::string& record : records_in(to_)) {
    EXPECT_EQ(decode_operation(record)->kind, OpKind::kTouch);
    EXPECT_TRUE(decode_operation(record)->payload.empty());
  }
  auto queue = SyncQueue::open(options_in(to_));
  ASSERT_EQ((*queue)->dirty_ranges().size(), 1U);
  EXPECT_EQ((*queue)->dirty_ranges().front().ns.full(), "shop.old");
}

TEST_F(QueueTransfer, ReadsWhatTheFirstDesignWrote) {
  const auto imported = import(
      file_of(entry(R"("type":"INSERT","collection":"bills","data":{"_id":"a","total":12.5},"documentId":"a")") +
              ",\n" +
              entry(R"("type":"update","collection":"bills","data":{"total":3},"filter":{"_id":"b"},"maxRetries":5)",
                    "0b1c2d3e-0000-4000-8000-000000000002")),
      false);
  ASSERT_TRUE(imported.ok()) << imported.error().message;
  const auto listing = list_queue(to_, 10);
  ASSERT_EQ(listing->operations.size(), 2U);
  EXPECT_EQ(listing->operations[0].ns.full(), "bomba.bills");
  EXPECT_EQ(listing->operations[0].document_key, bson(R"({"_id":"a"})"));
  EXPECT_EQ(listing->operations[1].enqueued_ms, 1'764'496'798'000);
}

TEST_F(QueueTransfer, NamesEntryAndFieldAndStoresNothing) {
  const std::string good = entry(R"("type":"delete","collection":"a.b","filter":{"_id":1})");
  const auto second = [&](const std::string& rest) {
    return file_of(good + "," + entry(rest, "0b1c2d3e-0000-4000-8000-000000000002"));
  };
  expect_refused(second(R"("type":"upsert","collection":"a.b","filter":{"_id":1})"),
                 "operation 2: field `type`: \"upsert\" is none of insert, replace");
  expect_refused(second(R"("collection":"a.b","filter":{"_id":1})"), "operation 2: field `type`: it is missing");
  expect_refused(second(R"("type":"delete","filter":{"_id":1})"), "operation 2: field `collection`: it is missing");
  expect_refused(second(R"("type":"delete","collection":"a.b")"), "operation 2: field `filter`: it is missing");
  expect_refused(second(R"("type":"delete","collection":"a.b","filter":{"x":1})"),
                 "operation 2: field `filter`: it names no _id");
  expect_refused(second(R"("type":"insert","collection":"a.b","filter":{"_id":1})"),
                 "operation 2: field `data`: it is missing");
  expect_refused(second(R"("type":"insert","collection":"a.b","filter":{"_id":1},"data":{"_id":2})"),
                 "operation 2: field `data`: its _id is not the one of `filter`");
  expect_refused(second(R"("type":"insert","collection":"a.b","filter":{"_id":1},"data":{"n":{"$numberInt":"x"}})"),
                 "operation 2: field `data`: not Extended JSON", false);
  expect_refused(second(R"("type":"update","collection":"a.b","filter":{"_id":1},"data":{"v":2})"),
                 "operation 2: field `data`: an update needs `updatedFields`");
  expect_refused(second(R"("type":"ddl","collection":"a.b","data":{"v":2})"), "operation 2: field `data`");
  expect_refused(file_of(good + "," + good), "operation 2: field `id`: 0b1c2d3e-0000-4000-8000-000000000001 is there");
  expect_refused(file_of(entry(R"("type":"delete","collection":"a.b","filter":{"_id":1})", "17")),
                 "operation 1: field `id`: not a UUID");
  expect_refused(file_of(R"({"id":"0b1c2d3e-0000-4000-8000-000000000001","type":"touch","timestamp":"yesterday"})"),
                 "operation 1: field `timestamp`: not a time");
  expect_refused(file_of(good + "," + "17"), "operation 2: not JSON");
}

TEST_F(QueueTransfer, RefusesWhatIsNoExport) {
  expect_refused(" ", "not JSON at byte 1: expected {");
  expect_refused("{}", "field `version` is missing");
  expect_refused(R"({"version":"1.0"})", "field `operations` is missing");
  expect_refused(R"({"version":"2.0","operations":[]})", "field `version` is \"2.0\"");
  expect_refused(R"({"version":"1.0","operations":{}})", "expected [");
  expect_refused(file_of("") + "x", "something stands behind the end");
  std::string cut = file_of(entry(R"("type":"delete","collection":"a.b","filter":{"_id":1})"));
  for (std::size_t length = 1; length + 1 < cut.size(); length += 7) {
    EXPECT_FALSE(import(cut.substr(0, length), false).ok()) << length;
  }
  EXPECT_FALSE(std::filesystem::exists(to_));
}

std::string random_value(int depth) {
  const int kind = *rc::gen::inRange(0, depth > 2 ? 7 : 9);
  const std::string number = std::to_string(*rc::gen::arbitrary<int>());
  switch (kind) {
    case 0: return "{\"$numberInt\":\"" + number + "\"}";
    case 1: return "{\"$numberLong\":\"" + number + "\"}";
    case 2: return "{\"$numberDouble\":\"" + number + ".25\"}";
    case 3: return "null";
    case 4: return "\"text " + number + " \\u00e4\\\\ \\\" {[,\"";
    case 5: return "{\"$date\":{\"$numberLong\":\"" + number + "\"}}";
    case 6: return "{\"$binary\":{\"base64\":\"AAH/\",\"subType\":\"80\"}}";
    case 7: return "[" + random_value(depth + 1) + "," + random_value(depth + 1) + "]";
    default: return "{\"x\":" + random_value(depth + 1) + ",\"a.b\":" + random_value(depth + 1) + "}";
  }
}

TEST(QueueTransferProperty, ExportThenImportAsRecordedGivesTheSameOperations) {
  const bool held = rc::check("round trip", [] {
    const test::ScratchDir dir;
    std::vector<Operation> ops;
    const int count = *rc::gen::inRange(0, 12);
    for (int id = 0; id < count; ++id) {
      const std::string key = std::to_string(id);
      const auto kind = static_cast<OpKind>(*rc::gen::inRange(1, 6));
      std::string payload;
      if (kind == OpKind::kInsert || kind == OpKind::kReplace) {
        payload = bson("{\"_id\":" + key + ",\"v\":" + random_value(0) + "}");
      } else if (kind == OpKind::kDelta) {
        payload = bson("{\"updatedFields\":{\"v\":" + random_value(0) + "},\"removedFields\":[]}");
      }
      ops.push_back(make_op(kind, key, payload, {*rc::gen::inRange(1U, 100U), *rc::gen::inRange(0U, 9U)},
                            {"shop", *rc::gen::element<std::string>("bills", "a.b", "\xc3\xa4 \"x\"")}));
    }
    append_all(dir.text() + "/from", ops);
    const std::string file = dir.write("queue.json", exported(dir.text() + "/from"));
    const auto imported = import_queue(options_in(dir.text() + "/to"), file, {"", true});
    RC_ASSERT(imported.ok());
    RC_ASSERT(records_in(dir.text() + "/to") == records_in(dir.text() + "/from"));
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace dualsync
