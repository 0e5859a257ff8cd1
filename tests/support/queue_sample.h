// One of everything that a queue directory holds, and what it means: written once by each release
// (tests/data/make_queue.cc) into tests/data/queue-v<format>, and read by every later one
// (tests/unit/queue/queue_upgrade_test.cc). Never change what stands here: the directories that are kept hold it. What
// a new format adds gets a sample of its own.
#pragma once

#include <string>
#include <vector>

#include "support/queue_fixture.h"

namespace dualsync::test {

inline const Namespace kSampleBills{"shop", "bills"};
inline const Namespace kSampleHeld{"shop", "held"};
inline const Namespace kSampleOther{"other db", "späti.2026"};  // a space, a dot, bytes that are no ASCII

inline Operation sample_op(OpKind kind, const std::string& id, const std::string& payload, std::uint32_t i,
                           const Namespace& ns = kSampleBills) {
  Operation op = make_op(kind, id, payload, {1'700'000'000, i}, ns);
  op.enqueued_ms = 1'700'000'000'000 + i;
  return op;
}

inline Operation sample_ddl(const std::string& type, const Namespace& ns, std::uint32_t i,
                            const std::string& rest = "") {
  Operation op = make_ddl(type, ns, {1'700'000'000, i}, rest);
  op.enqueued_ms = 1'700'000'000'000 + i;
  return op;
}

// Set aside before the rest comes in: two dead letters, three held deletes, one that somebody has decided on.
inline std::vector<Operation> sample_refused() {
  return {sample_op(OpKind::kInsert, R"("refused")", bson(R"({"_id":"refused","secret":1})"), 1),
          sample_op(OpKind::kDelta, R"({"$oid":"000102030405060708090a0b"})",
                    bson(R"({"updatedFields":{"a":1},"removedFields":[]})"), 2)};
}
inline std::vector<Operation> sample_held() {
  std::vector<Operation> ops;
  for (std::uint32_t i = 0; i < 4; ++i)
    ops.push_back(sample_op(OpKind::kDelete, std::to_string(i), "", 3 + i, kSampleHeld));
  return ops;
}

// What waits, in this order: every kind of operation, with odd keys and content, and every schema change.
inline std::vector<Operation> sample_waiting() {
  const std::string uuid =
      R"(,"collectionUUID":{"$binary":{"base64":"AAECAwQFBgcICQoLDA0ODw==","subType":"04"}})";
  return {
      sample_op(OpKind::kInsert, "1", bson(R"({"_id":1,"v":{"$numberLong":"5"},"d":{"$numberDecimal":"1.10"}})"), 20),
      sample_op(OpKind::kReplace, R"({"$numberLong":"2"})", bson(R"({"_id":{"$numberLong":"2"},"a":[1,[2,{}]]})"), 21),
      sample_op(OpKind::kDelta, R"("3")",
                bson(R"({"updatedFields":{"a.b":null,"c":{"$minKey":1}},"removedFields":["x"]})"), 22),
      sample_op(OpKind::kDelete, R"({"a":1,"b":[true]})", "", 23),
      sample_op(OpKind::kTouch, R"({"$binary":{"base64":"AAH/","subType":"80"}})", "", 24),
      sample_op(OpKind::kInsert, R"("")", bson(R"({"_id":"","text":"ü \u0000 €"})"), 25, kSampleOther),
      sample_ddl("create", {"shop", "new"}, 30, uuid + R"(,"operationDescription":{"capped":true,"size":4096})"),
      sample_ddl("createIndexes", {"shop", "new"}, 31,
                 uuid + R"(,"operationDescription":{"indexes":[{"v":2,"key":{"a":1,"b":-1},"name":"a_1_b_-1"}]})"),
      sample_ddl("dropIndexes", {"shop", "new"}, 32,
                 uuid + R"(,"operationDescription":{"indexes":[{"v":2,"key":{"a":1,"b":-1},"name":"a_1_b_-1"}]})"),
      sample_ddl("modify", {"shop", "new"}, 33,
                 uuid + R"(,"operationDescription":{"validator":{"a":{"$type":"int"}}})"),
      sample_ddl("rename", {"shop", "new"}, 34, uuid + R"(,"to":{"db":"shop","coll":"newer"})"),
      sample_ddl("drop", {"shop", "newer"}, 35, uuid),
      sample_ddl("dropDatabase", {"shop", ""}, 36),
      sample_op(OpKind::kInsert, "1", bson(R"({"_id":1,"after":"the drop"})"), 40),
  };
}

inline std::vector<DirtyRange> sample_dirty() {
  DirtyRange gap{{"shop", "gap"}, "position lost", {1'700'000'000, 7}, false, ""};
  DirtyRange first{{"shop", "first"}, "first copy", {}, true, bson(R"({"progress":[1,2,3]})")};
  DirtyRange asked{{"shop", "asked"}, "asked for", DirtyRange::kNoGap, false, ""};
  asked.requested = asked.keep_extra = true;
  DirtyRange renamed{{"shop", "renamed"}, "renamed into the scope", {1'700'000'000, 8}, false, ""};
  renamed.other_collection = true;
  return {gap, first, asked, renamed};
}

inline Position sample_position() {
  return {bson(R"({"_data":"82AB","_typeBits":1})"), {1'700'000'000, 40}, false, "rs0"};
}
inline constexpr const char* kSampleState = "sample/state";
inline constexpr const char* kSampleStateValue = "a value of any bytes";

}  // namespace dualsync::test
