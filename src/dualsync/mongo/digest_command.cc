#include "dualsync/mongo/digest_command.h"

#include <fmt/format.h>

#include "dualsync/base/check.h"
#include "dualsync/codec/bson.h"
#include "dualsync/mongo/command_cursor.h"

namespace dualsync {
namespace {

// An expression that holds what `value` (another one) is, with the types of the numbers in it.
std::string typed(const std::string& value, int levels) {
  const std::string type = fmt::format(R"({{"$type":{}}})", value);
  const auto when = [&](const char* is, const std::string& then) {
    return fmt::format(R"({{"case":{{"$eq":[{},"{}"]}},"then":{}}})", type, is, then);
  };
  // All 53 bits of what stands behind the point, as an integer; the text for what is smaller than that.
  const std::string behind_point = fmt::format(
      R"({{"$multiply":[{{"$subtract":[{0},{{"$trunc":{0}}}]}},{{"$numberDouble":"9007199254740992"}}]}})", value);
  std::string branches = when("double", fmt::format(R"([{0},{1},{{"$toString":{0}}}])", value, behind_point)) + "," +
                         when("decimal", fmt::format(R"({{"$toString":{}}})", value));
  if (levels > 0) {
    const std::string each = fmt::format("level{}", levels);
    const auto map = [&](const std::string& input, const std::string& in) {
      return fmt::format(R"({{"$map":{{"input":{},"as":"{}","in":{}}}}})", input, each, in);
    };
    const std::string of_field = typed(fmt::format("\"$${}.v\"", each), levels - 1);
    branches += "," + when("object", map(fmt::format(R"({{"$objectToArray":{}}})", value),
                                         fmt::format(R"(["$${}.k",{}])", each, of_field)));
    branches += "," + when("array", map(value, typed(fmt::format("\"$${}\"", each), levels - 1)));
  }
  return fmt::format(R"([{},{{"$switch":{{"branches":[{}],"default":{}}}}}])", type, branches, value);
}

// $sum turns a 64-bit overflow into a double: halves do not overflow.
std::string stages() {
  constexpr const char* kLow = R"({"$mod":["$h",{"$numberLong":"4294967296"}]})";
  return fmt::format(
      R"([{{"$project":{{"_id":0,"b":{{"$bsonSize":"$$ROOT"}},"h":{{"$toHashedIndexKey":{{"d":{0}}}}}}}}},)"
      R"({{"$group":{{"_id":null,"n":{{"$sum":1}},"b":{{"$sum":"$b"}},"low":{{"$sum":{1}}},)"
      R"("high":{{"$sum":{{"$toLong":{{"$divide":[{{"$subtract":["$h",{1}]}},)"
      R"({{"$numberLong":"4294967296"}}]}}}}}}}}}}])",
      typed("\"$$ROOT\"", kTypedLevels), kLow);
}

// {s: [stages]}, as BSON.
std::string parsed_stages() {
  const std::string text = fmt::format(R"({{"s":{}}})", stages());
  bson_error_t error;
  bson_t* parsed =
      bson_new_from_json(reinterpret_cast<const std::uint8_t*>(text.data()), static_cast<ssize_t>(text.size()), &error);
  DUALSYNC_CHECK(parsed != nullptr);
  std::string bytes(reinterpret_cast<const char*>(bson_get_data(parsed)), parsed->len);
  bson_destroy(parsed);
  return bytes;
}

// {$expr: {op: ["$_id", {$literal: bound}]}}: compares values of all types, which a query's $gte does not.
Result<void> append_bound(bson_t* conditions, const char* place, const char* op, const std::string& bound) {
  const auto view = view_bson(bound);
  bson_iter_t id;
  if (!view.has_value() || !bson_iter_init_find(&id, &*view, "_id"))
    return Error{ErrorKind::kInvalidArgument, "a document key without `_id`", "", 0};
  bson_t condition;
  bson_t operands;
  bson_t literal;
  bson_append_document_begin(conditions, place, -1, &condition);
  bson_append_array_begin(&condition, op, -1, &operands);
  BSON_APPEND_UTF8(&operands, "0", "$_id");
  bson_append_document_begin(&operands, "1", -1, &literal);
  bson_append_iter(&literal, "$literal", -1, &id);
  bson_append_document_end(&operands, &literal);
  bson_append_array_end(&condition, &operands);
  bson_append_document_end(conditions, &condition);
  return {};
}

Result<void> append_match(bson_t* pipeline, const IdRange& range) {
  bson_t stage;
  bson_t match;
  bson_t expression;
  bson_t conditions;
  bson_append_document_begin(pipeline, "0", -1, &stage);
  bson_append_document_begin(&stage, "$match", -1, &match);
  bson_append_document_begin(&match, "$expr", -1, &expression);
  bson_append_array_begin(&expression, "$and", -1, &conditions);
  if (!range.min.empty()) DUALSYNC_TRY(append_bound(&conditions, "0", "$gte", range.min));
  if (!range.max.empty()) DUALSYNC_TRY(append_bound(&conditions, range.min.empty() ? "0" : "1", "$lt", range.max));
  bson_append_array_end(&expression, &conditions);
  bson_append_document_end(&match, &expression);
  bson_append_document_end(&stage, &match);
  bson_append_document_end(pipeline, &stage);
  return {};
}

}  // namespace

Result<void> build_digest_command(const Namespace& ns, const IdRange& range, BsonDoc* command) {
  static const std::string kStages = parsed_stages();
  const bool bounded = !range.min.empty() || !range.max.empty();
  bson_append_utf8(command->get(), "aggregate", -1, ns.collection.c_str(), static_cast<int>(ns.collection.size()));
  bson_t pipeline;
  bson_append_array_begin(command->get(), "pipeline", -1, &pipeline);
  if (bounded) DUALSYNC_TRY(append_match(&pipeline, range));
  bson_iter_t list;
  bson_iter_t stage;
  DUALSYNC_CHECK(find_field(kStages, "s", &list) && bson_iter_recurse(&list, &stage));
  for (int place = bounded ? 1 : 0; bson_iter_next(&stage); ++place)
    bson_append_iter(&pipeline, std::to_string(place).c_str(), -1, &stage);
  bson_append_array_end(command->get(), &pipeline);
  bson_t part;
  if (bounded) {
    bson_append_document_begin(command->get(), "hint", -1, &part);
    BSON_APPEND_INT32(&part, "_id", 1);
    bson_append_document_end(command->get(), &part);
  }
  bson_append_document_begin(command->get(), "cursor", -1, &part);
  bson_append_document_end(command->get(), &part);
  append_majority_read_concern(command, OpTime{});
  return {};
}

RangeDigest read_digest(std::string_view document) {
  RangeDigest digest;
  bson_iter_t field;
  if (!iterate_bson(document, &field)) return digest;
  while (bson_iter_next(&field)) {
    const std::string_view name = bson_iter_key(&field);
    if (name == "n") digest.documents = static_cast<std::uint64_t>(bson_iter_as_int64(&field));
    if (name == "b") digest.bytes = static_cast<std::uint64_t>(bson_iter_as_int64(&field));
    if (name == "low") digest.low = bson_iter_as_int64(&field);
    if (name == "high") digest.high = bson_iter_as_int64(&field);
  }
  return digest;
}

}  // namespace dualsync
