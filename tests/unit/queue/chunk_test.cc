// Where records are: chunks and single ones, what counts of both, and what is left of them.
#include "dualsync/queue/chunk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "dualsync/codec/operation_codec.h"
#include "support/stored_queue_fixture.h"

namespace dualsync {
namespace {

using test::document;
using test::make_op;

TEST(Chunk, GivesBackWhatWentInAndKeepsHolesEmpty) {
  std::string bytes;
  Chunk::encode({"first", "", "third"}, &bytes);
  const auto view = ChunkView::of(bytes);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->members(), 0b101U);
  EXPECT_EQ(view->record(0), "first");
  EXPECT_EQ(view->record(2), "third");
}

TEST(Chunk, BytesThatDoNotAddUpAreNone) {
  std::string bytes;
  Chunk::encode({"first", "second"}, &bytes);
  EXPECT_FALSE(ChunkView::of(bytes + "x").has_value());
  EXPECT_FALSE(ChunkView::of("").has_value());
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(ChunkView::of(std::string_view(bytes).substr(0, length)).has_value()) << length;
  for (const std::size_t at : {0, 1, 4}) {
    std::string wrong = bytes;
    wrong[at] = '\x7f';
    EXPECT_FALSE(ChunkView::of(wrong).has_value()) << at;
  }
}

TEST(Chunk, APlaceSurvivesPacking) {
  for (const DiskPlace place : {DiskPlace{7, 0}, DiskPlace{7, 7}, DiskPlace{38, 7, true}, DiskPlace{}}) {
    const auto back = DiskPlace::unpack(place.pack());
    EXPECT_EQ(back.seq, place.seq);
    EXPECT_EQ(back.chunk, place.chunk);
    EXPECT_EQ(back.merged, place.merged);
  }
}

class QueueChunks : public test::StoredQueueFixture {};

TEST_F(QueueChunks, ManyNewOperationsTakeFewValuesAndLeaveNone) {
  open();
  append(documents(1, 100));
  EXPECT_EQ(stored_in(&RocksStore::operations), 0U);
  EXPECT_LE(stored_in(&RocksStore::chunks), 4U);
  expect_sound(100);
  complete(take());
  EXPECT_EQ(stored_in(&RocksStore::chunks), 0U);
  EXPECT_EQ(stored_in(&RocksStore::operations), 0U);
  expect_sound(0);
}

TEST_F(QueueChunks, OneAloneIsStoredAlone) {
  open();
  append(documents(1, 1));
  EXPECT_EQ(stored_in(&RocksStore::chunks), 0U);
  EXPECT_EQ(stored_in(&RocksStore::operations), 1U);
}

TEST_F(QueueChunks, WhatIsDoneStaysDoneAfterARestart) {
  for (const std::size_t memory : {std::size_t{5}, std::size_t{1000}}) {
    options_.memory_operations = memory;
    open();
    append(documents(1, 40));
    auto taken = take(3);
    ASSERT_EQ(taken.size(), 3U);
    const std::vector<TakenOperation> second(taken.begin() + 1, taken.begin() + 2);
    complete(second);
    expect_sound(39);
    std::vector<SeqNo> left;
    for (auto more = take(7); !more.empty(); more = take(7)) {
      const auto some = numbers(more);
      left.insert(left.end(), some.begin(), some.end());
      complete(more);
    }
    ASSERT_EQ(left.size(), 39U);
    EXPECT_EQ(std::count(left.begin(), left.end(), second.front().seq), 0);
    EXPECT_TRUE(std::is_sorted(left.begin(), left.end()));
  }
}

TEST_F(QueueChunks, AMergeCountsOverTheRecordInTheChunk) {
  for (const std::size_t memory : {std::size_t{1}, std::size_t{1000}}) {
    options_.memory_operations = memory;
    open();
    append(documents(1, 20));
    append({make_op(OpKind::kReplace, "15", document("15", 1500), {10, 50}),
            make_op(OpKind::kDelete, "16", "", {10, 51})});
    append({make_op(OpKind::kReplace, "15", document("15", 1501), {10, 52})});
    expect_sound(20);
    std::map<std::string, std::pair<OpKind, std::string>> seen;
    for (auto taken = take(4); !taken.empty(); taken = take(4)) {
      for (const auto& one : taken)
        EXPECT_TRUE(seen.emplace(one.op.document_key, std::pair(one.op.kind, std::string(one.op.payload))).second);
      complete(taken);
    }
    ASSERT_EQ(seen.size(), 20U);
    EXPECT_EQ(seen.at(test::id_key("15")).second, document("15", 1501));
    EXPECT_EQ(seen.at(test::id_key("16")).first, OpKind::kDelete);
    EXPECT_EQ(stored_in(&RocksStore::chunks) + stored_in(&RocksStore::operations), 0U);
  }
}

TEST_F(QueueChunks, WhatComesBackAbsorbsWhatWaitsInAChunk) {
  options_.memory_operations = 1;
  open();
  append(documents(1, 3));
  const auto first = take(1);
  ASSERT_EQ(first.size(), 1U);
  auto more = documents(4, 9);
  more.push_back(make_op(OpKind::kReplace, "1", document("1", 77), {10, 30}));
  append(more);
  complete(first, Completion::Kind::kPutBack);
  expect_sound(9);
  const auto again = take(1);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].op.payload, document("1", 77));
}

TEST_F(QueueChunks, ALargeOperationDoesNotShareItsChunk) {
  open();
  std::vector<Operation> ops = documents(1, 3);
  ops[1].payload = test::bson(R"({"_id":2,"text":")" + std::string(3 * Chunk::kBytes, 'x') + "\"}");
  append(ops);
  EXPECT_EQ(stored_in(&RocksStore::operations), 3U);
  expect_sound(3);
}

TEST_F(QueueChunks, DroppedPayloadsLeaveTheirChunks) {
  options_.bounds.bytes_max = 30'000;
  open();
  std::vector<Operation> ops = documents(1, 100);
  for (Operation& op : ops) op.payload = test::bson(R"({"_id":1,"text":")" + std::string(500, 'x') + "\"}");
  append(ops);
  const std::uint64_t dropped = queue_->stats().payloads_dropped;
  EXPECT_GT(dropped, 0U);
  expect_sound(100);
  queue_.reset();
  test::RawQueue raw(options_.directory);
  std::uint64_t touches = 0;
  for (LiveScan scan(raw.store(), 0); scan.valid(); scan.next()) {
    if (decode_operation(scan.record())->kind != OpKind::kTouch) continue;
    ++touches;
    EXPECT_EQ(scan.chunk(), 0U);
  }
  EXPECT_EQ(touches, dropped);
}

TEST_F(QueueChunks, ADamagedChunkIsNamedAndNotPassedOver) {
  open();
  append(documents(1, 20));
  queue_.reset();
  {
    test::RawQueue raw(options_.directory);
    raw.put(raw.store().chunks(), seq_key(1), "rubbish");
  }
  const auto report = check_queue(options_.directory, nullptr);
  ASSERT_TRUE(report.ok());
  ASSERT_GT(report->problem_count, 0U);
  EXPECT_EQ(report->problems.front().record, "chunk 1");
  const auto opened = SyncQueue::open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().kind, ErrorKind::kCorruption);
}

// A directory that a program of format 1 has left, with every sort of entry (tests/data/queue-v1-chunks).
class QueueOfFormatOne : public QueueChunks {
 protected:
  QueueOfFormatOne() {
    std::filesystem::copy(std::filesystem::path(DUALSYNC_TEST_DATA) / "queue-v1-chunks", options_.directory);
    std::filesystem::permissions(options_.directory, std::filesystem::perms::owner_all);
  }
};

TEST_F(QueueOfFormatOne, CanBeLookedAtWithoutBeingChanged) {
  const auto report = check_queue(options_.directory, nullptr);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->problem_count, 0U);
  EXPECT_EQ(report->format, "1");
  EXPECT_EQ(report->operations, 12U);
  EXPECT_EQ(report->dead_letters, 1U);
  const auto listed = list_queue(options_.directory, 100);
  ASSERT_TRUE(listed.ok());
  EXPECT_EQ(listed->operations.size(), 12U);
  EXPECT_TRUE(read_withheld(options_.directory).ok());
}

TEST_F(QueueOfFormatOne, GoesOnWithEverythingThatItHeld) {
  options_.memory_operations = 4;
  open();
  EXPECT_EQ(queue_->position().time, (OpTime{10, 18}));
  EXPECT_EQ(queue_->applied_position(), (OpTime{10, 2}));  // as it was reported before
  EXPECT_EQ(queue_->stats().operations, 12U);
  EXPECT_EQ(queue_->stats().dead_letters, 1U);
  ASSERT_EQ(queue_->dirty_ranges().size(), 1U);
  EXPECT_EQ(queue_->get_state("installation")->value(), "golden");
  append({make_op(OpKind::kReplace, "30", document("30", 1), {10, 19}),
          make_op(OpKind::kReplace, "31", document("31", 1), {10, 20}),
          make_op(OpKind::kReplace, "12", document("12", 112), {10, 21})});
  expect_sound(15);  // until all that was there is loaded, nothing new merges into it
  std::map<std::string, std::string> seen;
  for (int rounds = 0; queue_->stats().operations > 0; ++rounds) {
    ASSERT_LT(rounds, 100);
    if (auto ddl = queue_->take_ddl(std::chrono::milliseconds(0), {}); ddl.ok() && *ddl) {
      ASSERT_TRUE(queue_->complete_ddl((*ddl)->seq, {}, {}).ok());
    }
    const auto taken = take(3);
    for (const auto& one : taken) seen[std::string(one.op.document_key)] = one.op.payload;
    complete(taken);
  }
  EXPECT_EQ(seen.at(test::id_key("9")), document("9", 109));
  EXPECT_EQ(seen.at(test::id_key("10")), "");
  EXPECT_EQ(seen.at(test::id_key("12")), document("12", 112));
  EXPECT_EQ(stored_in(&RocksStore::operations) + stored_in(&RocksStore::chunks), 0U);
  const auto report = check_queue(options_.directory, nullptr);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->format, "2");
}

TEST_F(QueueOfFormatOne, IsRefusedWhereItHasWhatNobodyKnows) {
  open();
  queue_.reset();
  {
    test::RawQueue raw(options_.directory);
    rocksdb::ColumnFamilyHandle* newer = nullptr;
    ASSERT_TRUE(raw.store().db()->CreateColumnFamily({}, "of-tomorrow", &newer).ok());
    raw.store().db()->DestroyColumnFamilyHandle(newer);
  }
  for (const Error& error : {SyncQueue::open(options_).error(), check_queue(options_.directory, nullptr).error()}) {
    EXPECT_EQ(error.kind, ErrorKind::kUnsupported);
    EXPECT_NE(error.message.find("of-tomorrow"), std::string::npos) << error.message;
  }
}

}  // namespace
}  // namespace dualsync
