#include "dualsync/codec/operation_codec.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "support/bson_literal.h"

namespace dualsync {
namespace {

OperationView sample(const std::string& key, const std::string& payload) {
  OperationView op;
  op.kind = OpKind::kReplace;
  op.flags = kFlagRekey;
  op.attempts = 3;
  op.first_time = {1, 2};
  op.last_time = {3, 4};
  op.enqueued_ms = 1764442800123;
  op.db = "shop";
  op.collection = "bills.\xc3\xa4";
  op.document_key = key;
  op.payload = payload;
  return op;
}

TEST(OperationCodec, WhatGoesInComesOut) {
  const bool held = rc::check("any operation survives a record", [] {
    OperationView op;
    const auto db = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    const auto collection = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    const auto key = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    const auto payload = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    op.kind = static_cast<OpKind>(*rc::gen::inRange(1, 7));
    op.flags = *rc::gen::arbitrary<std::uint16_t>();
    op.attempts = *rc::gen::arbitrary<std::uint32_t>();
    op.first_time = OpTime::unpack(*rc::gen::arbitrary<std::uint64_t>());
    op.last_time = OpTime::unpack(*rc::gen::arbitrary<std::uint64_t>());
    op.enqueued_ms = *rc::gen::arbitrary<std::int64_t>();
    op.db = db;
    op.collection = collection;
    op.document_key = key;
    op.payload = payload;
    std::string record;
    encode_operation(op, &record);
    const auto back = decode_operation(record);
    RC_ASSERT(back.ok());
    RC_ASSERT(back->kind == op.kind && back->flags == op.flags && back->attempts == op.attempts);
    RC_ASSERT(back->first_time == op.first_time && back->last_time == op.last_time);
    RC_ASSERT(back->enqueued_ms == op.enqueued_ms);
    RC_ASSERT(back->db == db && back->collection == collection);
    RC_ASSERT(back->document_key == key && back->payload == payload);
  });
  EXPECT_TRUE(held);
}

TEST(OperationCodec, EveryDamageIsFound) {
  const std::string key = test::id_key("1");
  const std::string payload = test::bson(R"({"_id":1,"x":2})");
  std::string record;
  encode_operation(sample(key, payload), &record);
  for (std::size_t i = 0; i < record.size(); ++i) {
    std::string damaged = record;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    EXPECT_FALSE(decode_operation(damaged).ok()) << "byte " << i;
  }
  for (std::size_t length = 0; length < record.size(); ++length) {
    EXPECT_FALSE(decode_operation(std::string_view(record).substr(0, length)).ok()) << length;
  }
  EXPECT_FALSE(decode_operation(record + "x").ok());
}

TEST(OperationCodec, ANewerVersionIsNamedAsSuch) {
  std::string record;
  encode_operation(sample(test::id_key("1"), ""), &record);
  record[0] = 9;
  const auto decoded = decode_operation(record);
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace dualsync
