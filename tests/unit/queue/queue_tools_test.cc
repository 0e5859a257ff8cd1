// check, list and clear of a directory that no daemon has open.
#include <gtest/gtest.h>

#include <fstream>

#include "dualsync/queue/queue_admin.h"
#include "dualsync/queue/queue_inspect.h"
#include "support/queue_fixture.h"
#include "support/raw_queue.h"

namespace dualsync {
namespace {

using test::document;
using test::make_ddl;
using test::make_op;

class QueueTools : public test::QueueFixture {
 protected:
  // Five inserts, a dead letter and a drop in one queue; closed.
  void fill() {
    open();
    append({make_op(OpKind::kInsert, "99", document("99", 1), {10, 1})});
    complete(take(), Completion::Kind::kDeadLetter);
    std::vector<Operation> ops;
    for (int id = 1; id <= 5; ++id) {
      const std::string key = std::to_string(id);
      ops.push_back(make_op(OpKind::kInsert, key, document(key, id), {20, static_cast<std::uint32_t>(id)}));
    }
    ops.push_back(make_ddl("drop", {"shop", "old"}, {30, 1}));
    append(ops);
    queue_.reset();
  }
  Result<QueueReport> check() { return check_queue(options_.directory, {}); }
  std::string only_problem() {
    const auto report = check();
    EXPECT_TRUE(report.ok()) << report.error().message;
    if (!report) return {};
    EXPECT_EQ(report->problem_count, 1U);
    if (report->problems.empty()) return {};
    const QueueProblem& one = report->problems.front();
    EXPECT_FALSE(one.advice.empty());
    return one.family + ": " + one.record + ": " + one.problem;
  }
};

TEST_F(QueueTools, AWholeQueueHasNoProblem) {
  fill();
  const auto report = check();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->problem_count, 0U) << (report->problems.empty() ? "" : report->problems.front().problem);
  EXPECT_EQ(report->operations, 6U);
  EXPECT_EQ(report->ddl_operations, 1U);
  EXPECT_EQ(report->dead_letters, 1U);
  EXPECT_EQ(report->format, "2");
  EXPECT_EQ(report->position, (OpTime{30, 1}));
  EXPECT_TRUE(report->notes.empty());
}

TEST_F(QueueTools, CheckWorksBesideARunningDaemonAndWritesNothing) {
  fill();
  open();
  std::vector<std::string> before;
  for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) before.push_back(entry.path());
  const auto report = check();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->problem_count, 0U);
  std::vector<std::string> after;
  for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) after.push_back(entry.path());
  EXPECT_EQ(before, after);
  append({make_op(OpKind::kInsert, "7", document("7", 7), {40, 1})});
  EXPECT_EQ(check()->operations, 7U);
}

TEST_F(QueueTools, CheckNamesADamagedRecord) {
  fill();
  {
    test::RawQueue raw(options_.directory);
    std::string record = raw.operation(4);
    record[record.size() - 3] = static_cast<char>(record[record.size() - 3] ^ 1);
    raw.put(raw.store().operations(), seq_key(4), record);
  }
  EXPECT_EQ(only_problem(), "operations: operation 4: queue record: wrong checksum");
}

TEST_F(QueueTools, CheckNamesALostRecordByItsCounters) {
  fill();
  {
    test::RawQueue raw(options_.directory);
    raw.lose(3);
  }
  const auto report = check();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->problem_count, 2U);
  EXPECT_EQ(report->problems[0].problem, "operations: 6 counted, 5 there");
}

TEST_F(QueueTools, CheckComparesDdlChangesWithTheirEntries) {
  fill();
  {
    test::RawQueue raw(options_.directory);
    raw.remove(raw.store().meta(), "ddl/" + seq_key(7));
  }
  EXPECT_EQ(only_problem(), "operations: operation 7: a DDL change without its entry in meta");
}

TEST_F(QueueTools, CheckSeesAFlippedByteInATable) {
  fill();
  const std::string table = test::RawQueue(options_.directory).table_of_operations();
  ASSERT_FALSE(table.empty());
  {
    std::fstream file(table, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(100);
    const char byte = static_cast<char>(file.get() ^ 0x40);
    file.seekp(100);
    file.put(byte);
  }
  EXPECT_NE(only_problem().find("checksum mismatch"), std::string::npos) << only_problem();
}

TEST_F(QueueTools, ATornEndOfTheLogIsANoteAndNoDamage) {
  fill();
  std::filesystem::path log;
  for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) {
    if (entry.path().extension() == ".log" && entry.file_size() > 0) log = entry.path();
  }
  ASSERT_FALSE(log.empty());
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 7);
  const auto report = check();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->problem_count, 0U);
  EXPECT_EQ(report->notes.size(), 1U);
}

TEST_F(QueueTools, NoQueueAndANewerFormatAreClearErrors) {
  const auto none = check();
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(clear_queue(options_.directory).error().kind, ErrorKind::kNotFound);
  fill();
  {
    test::RawQueue raw(options_.directory);
    raw.put(raw.store().meta(), "format", "3");
  }
  for (const Error& error : {check().error(), list_queue(options_.directory, 10).error(),
                             clear_queue(options_.directory).error(), SyncQueue::open(options_).error()}) {
    EXPECT_EQ(error.kind, ErrorKind::kUnsupported);
    EXPECT_EQ(error.message, "the queue has format 3; this program knows format 2");
  }
}

TEST_F(QueueTools, ListShowsTheOldestWithoutContent) {
  fill();
  const auto listing = list_queue(options_.directory, 3);
  ASSERT_TRUE(listing.ok());
  EXPECT_EQ(listing->total, 6U);
  ASSERT_EQ(listing->operations.size(), 3U);
  EXPECT_EQ(listing->operations[0].seq, 2U);
  EXPECT_EQ(listing->operations[0].document_key, test::id_key("1"));
  EXPECT_EQ(listing->operations[2].time, (OpTime{20, 3}));
}

TEST_F(QueueTools, ClearLeavesNoSilentGap) {
  fill();
  const auto cleared = clear_queue(options_.directory);
  ASSERT_TRUE(cleared.ok()) << cleared.error().message;
  EXPECT_EQ(cleared->operations, 6U);
  EXPECT_EQ(check()->problem_count, 0U);
  open();
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(queue_->stats().operations, 0U);
  EXPECT_EQ(queue_->stats().dead_letters, 1U);
  const auto ranges = queue_->dirty_ranges();
  ASSERT_EQ(ranges.size(), 2U);
  EXPECT_EQ(ranges[0].ns.full(), "shop.bills");
  EXPECT_EQ(ranges[0].gap_start, (OpTime{20, 0}));
  EXPECT_EQ(ranges[1].ns.full(), "shop.old");
  // Nothing is reported as applied that was in the queue.
  EXPECT_EQ(queue_->applied_position(), (OpTime{20, 0}));
  EXPECT_FALSE(queue_->take_ddl(std::chrono::milliseconds(0), {})->has_value());
  append({make_op(OpKind::kInsert, "8", document("8", 8), {40, 1})});
  complete(take());
  ASSERT_TRUE(queue_->clear_dirty({"shop", "bills"}).ok());
  ASSERT_TRUE(queue_->clear_dirty({"shop", "old"}).ok());
  EXPECT_EQ(queue_->applied_position(), (OpTime{40, 1}));
}

TEST_F(QueueTools, ClearOfADamagedQueueMakesEverythingDirty) {
  fill();
  {
    test::RawQueue raw(options_.directory);
    raw.put(raw.store().operations(), seq_key(4), "rubbish");
  }
  const auto cleared = clear_queue(options_.directory);
  ASSERT_TRUE(cleared.ok()) << cleared.error().message;
  EXPECT_EQ(cleared->unreadable, 1U);
  EXPECT_EQ(check()->problem_count, 0U);
  open();
  EXPECT_EQ(queue_->dirty_ranges().front().ns, (Namespace{"", ""}));
}

TEST_F(QueueTools, ClearNeedsTheDaemonStopped) {
  fill();
  open();
  EXPECT_EQ(clear_queue(options_.directory).error().kind, ErrorKind::kConflict);
}

}  // namespace
}  // namespace dualsync
