#include "dualsync/codec/ddl_event.h"

#include <gtest/gtest.h>

#include "support/bson_literal.h"

namespace dualsync {
namespace {

const char* const kUuid = R"({"$binary":{"base64":"AAECAwQFBgcICQoLDA0ODw==","subType":"04"}})";
const std::string kUuidBytes("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 16);

Result<DdlEvent> parse(const std::string& rest) {
  return parse_ddl_event(
      test::bson(R"({"ns":{"db":"shop","coll":"bills"},"clusterTime":{"$timestamp":{"t":7,"i":2}},)" + rest + "}"));
}

TEST(DdlEvent, ARenameKnowsBothCollections) {
  const auto event = parse(
      std::string(R"("operationType":"rename","collectionUUID":)") + kUuid +
      R"(,"to":{"db":"shop","coll":"old"},"operationDescription":{"to":{"db":"shop","coll":"old"},"dropTarget":)" +
      kUuid + "}");
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->uuid, kUuidBytes);
  EXPECT_EQ(event->target_uuid, kUuidBytes);
  EXPECT_TRUE(event->drops_target);
  EXPECT_TRUE(event->moves());
  EXPECT_EQ(event->to, (Namespace{"shop", "old"}));
  EXPECT_EQ(event->time, (OpTime{7, 2}));
}

TEST(DdlEvent, AServerThatSendsNoUuidIsUnderstood) {
  const auto event = parse(R"("operationType":"drop")");
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->uuid, "");
  EXPECT_TRUE(event->moves());
}

TEST(DdlEvent, DropTargetMayBeATruthValue) {
  const auto event =
      parse(R"("operationType":"rename","to":{"db":"shop","coll":"x"},"operationDescription":{"dropTarget":false})");
  ASSERT_TRUE(event.ok());
  EXPECT_FALSE(event->drops_target);
  EXPECT_EQ(event->target_uuid, "");
}

TEST(DdlEvent, WhatIsNotKnownIsRefused) {
  EXPECT_FALSE(parse(R"("operationType":"shardCollection")").ok());
  EXPECT_FALSE(parse_ddl_event("rubbish").ok());
}

}  // namespace
}  // namespace dualsync
