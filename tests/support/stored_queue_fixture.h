// A queue whose store is looked into.
#pragma once

#include <algorithm>

#include "dualsync/queue/queue_inspect.h"
#include "support/queue_fixture.h"
#include "support/raw_queue.h"

namespace dualsync::test {

class StoredQueueFixture : public QueueFixture {
 protected:
  static std::vector<Operation> documents(int first, int last) {
    std::vector<Operation> ops;
    for (int id = first; id <= last; ++id) {
      ops.push_back(make_op(OpKind::kInsert, std::to_string(id), document(std::to_string(id), id),
                            {10, static_cast<std::uint32_t>(id)}));
    }
    return ops;
  }
  std::size_t stored_in(rocksdb::ColumnFamilyHandle* (RocksStore::*family)()) {
    queue_.reset();
    RawQueue raw(options_.directory);
    std::size_t count = 0;
    const std::unique_ptr<rocksdb::Iterator> it(
        raw.store().db()->NewIterator(rocksdb::ReadOptions(), (raw.store().*family)()));
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++count;
    return count;
  }
  void expect_sound(std::uint64_t operations) {
    queue_.reset();
    const auto report = check_queue(options_.directory, nullptr);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_EQ(report->problem_count, 0U) << (report->problems.empty() ? "" : report->problems.front().problem);
    EXPECT_EQ(report->operations, operations);
    open();
  }
  static std::vector<SeqNo> numbers(const std::vector<TakenOperation>& taken) {
    std::vector<SeqNo> seqs;
    for (const TakenOperation& one : taken) seqs.push_back(one.seq);
    return seqs;
  }
};

}  // namespace dualsync::test
