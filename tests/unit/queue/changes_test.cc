// What merges into operations of the window: logged by commits, and what a new start makes of it.
#include "dualsync/queue/changes.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "dualsync/queue/queue_admin.h"
#include "support/stored_queue_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_op;

TEST(ChangeLog, AnEntryThatDoesNotAddUpIsTold) {
  const std::string entry("\7\0\0\0\0\0\0\0\5\0\0\0hello", 17);
  const auto nothing = [](SeqNo, std::string_view) {};
  EXPECT_TRUE(ChangeLog::read(entry, [](SeqNo seq, std::string_view record) {
    EXPECT_EQ(seq, 7U);
    EXPECT_EQ(record, "hello");
  }));
  for (std::size_t length = 1; length < entry.size(); ++length)
    EXPECT_FALSE(ChangeLog::read(std::string_view(entry).substr(0, length), nothing)) << length;
}

class QueueChanges : public test::StoredQueueFixture {
 protected:
  static Operation replaced(int id, int value, std::uint32_t time) {
    return make_op(OpKind::kReplace, std::to_string(id), document(std::to_string(id), value), {10, time});
  }
  std::map<std::string, std::string> drain() {
    std::map<std::string, std::string> seen;
    for (auto taken = take(5); !taken.empty(); taken = take(5)) {
      for (const auto& one : taken) EXPECT_TRUE(seen.emplace(one.op.document_key, one.op.payload).second);
      complete(taken);
    }
    return seen;
  }
};

TEST_F(QueueChanges, TheNewestCountsAfterARestart) {
  open();
  append(documents(1, 10));
  append({replaced(3, 103, 20), replaced(4, 104, 21)});
  append({replaced(3, 203, 22), make_op(OpKind::kDelete, "5", "", {10, 23})});
  EXPECT_EQ(stored_in(&RocksStore::changes), 2U);
  EXPECT_EQ(stored_in(&RocksStore::operations), 0U);
  expect_sound(10);  // looked at before anybody opens it to write
  EXPECT_EQ(stored_in(&RocksStore::changes), 0U);
  EXPECT_EQ(stored_in(&RocksStore::operations), 3U);
  expect_sound(10);
  const auto seen = drain();
  ASSERT_EQ(seen.size(), 10U);
  EXPECT_EQ(seen.at(test::id_key("3")), document("3", 203));
  EXPECT_EQ(seen.at(test::id_key("4")), document("4", 104));
  EXPECT_EQ(seen.at(test::id_key("5")), "");
  EXPECT_EQ(stored_in(&RocksStore::chunks) + stored_in(&RocksStore::operations), 0U);
}

TEST_F(QueueChanges, WhatIsDoneIsNotBroughtBackByAnOldChange) {
  open();
  append(documents(1, 10));
  std::vector<Operation> all;
  for (int id = 1; id <= 10; ++id) all.push_back(replaced(id, 100 + id, 20));
  append(all);
  auto taken = take();
  ASSERT_EQ(taken.size(), 10U);
  taken.erase(taken.begin() + 3);  // keeps its chunk, and the entry, where they are
  complete(taken);
  expect_sound(1);
  const auto seen = drain();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen.at(test::id_key("4")), document("4", 104));
}

TEST_F(QueueChanges, EntriesGoWithTheirOperations) {
  open();
  append(documents(1, 10));
  append({replaced(3, 103, 20), replaced(4, 104, 21)});
  drain();
  for (rocksdb::ColumnFamilyHandle* (RocksStore::*family)() :
       {&RocksStore::changes, &RocksStore::chunks, &RocksStore::operations})
    EXPECT_EQ(stored_in(family), 0U);
}

TEST_F(QueueChanges, TheLogIsBoundedAndNothingIsLostByThat) {
  options_.memory_bytes = 64U << 20U;
  open();
  append(documents(1, 40));
  constexpr std::size_t kLarge = 600'000;
  for (int id = 1; id <= 40; ++id) {
    Operation op = replaced(id, 0, 50);
    op.payload = test::bson(R"({"_id":)" + std::to_string(id) + R"(,"text":")" + std::string(kLarge, 'x') + "\"}");
    append({op});
  }
  EXPECT_LE(stored_in(&RocksStore::changes) * kLarge, ChangeLog::kBytesMax + kLarge);
  EXPECT_GE(stored_in(&RocksStore::operations), 25U);
  expect_sound(40);
  const auto seen = drain();
  ASSERT_EQ(seen.size(), 40U);
  for (const auto& [key, payload] : seen) EXPECT_GT(payload.size(), kLarge);
}

TEST_F(QueueChanges, WhoeverLooksSeesTheNewest) {
  open();
  append(documents(1, 4));
  append({make_op(OpKind::kDelete, "2", "", {10, 20}), replaced(3, 777, 21)});
  const auto live = queue_->list(10);
  ASSERT_TRUE(live.ok());
  ASSERT_EQ(live->operations.size(), 4U);
  EXPECT_EQ(live->operations[1].kind, OpKind::kDelete);
  queue_.reset();
  const auto listed = list_queue(options_.directory, 10);
  ASSERT_TRUE(listed.ok());
  EXPECT_EQ(listed->operations[1].kind, OpKind::kDelete);
  std::ostringstream exported;
  ASSERT_TRUE(export_queue(options_.directory, 5, 0, exported).ok());
  EXPECT_NE(exported.str().find("777"), std::string::npos);
}

TEST_F(QueueChanges, ADamagedEntryIsNamedAndCanBeCleared) {
  open();
  append(documents(1, 4));
  append({replaced(3, 777, 21)});
  queue_.reset();
  {
    test::RawQueue raw(options_.directory);
    raw.put(raw.store().changes(), seq_key(1), "rubbish");
  }
  const auto report = check_queue(options_.directory, nullptr);
  ASSERT_TRUE(report.ok());
  ASSERT_GT(report->problem_count, 0U);
  EXPECT_EQ(report->problems.front().family, "changes");
  const auto opened = SyncQueue::open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().kind, ErrorKind::kCorruption);
  const auto cleared = clear_queue(options_.directory);
  ASSERT_TRUE(cleared.ok()) << cleared.error().message;
  EXPECT_EQ(cleared->unreadable, 1U);
  EXPECT_EQ(cleared->dirty.front(), (Namespace{"", ""}));  // nobody knows what it concerned
  open();
  EXPECT_EQ(queue_->stats().operations, 0U);
}

}  // namespace
}  // namespace dualsync
