// Directories that earlier releases have written (tests/data) mean today what they meant then: every record, and what
// becomes of it. tests/support/queue_sample.h says what was put in.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "dualsync/codec/document_key.h"
#include "dualsync/queue/queue_inspect.h"
#include "support/queue_sample.h"

namespace dualsync {
namespace {

class QueueUpgradeTest : public test::QueueFixture, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    const std::filesystem::path kept = std::filesystem::path(DUALSYNC_TEST_DATA) / GetParam();
    ASSERT_TRUE(std::filesystem::exists(kept / "CURRENT")) << kept;
    std::filesystem::copy(kept, options_.directory, std::filesystem::copy_options::recursive);
  }

  // The waiting operations, oldest first, until none is left: documents as a lane sees them, DDL as the applier does.
  std::vector<Operation> drain() {
    std::vector<Operation> all;
    for (int quiet = 0; quiet < 2;) {
      const auto taken = take();
      for (const TakenOperation& one : taken) {
        Operation op = Operation::of(one.op);
        EXPECT_EQ(one.withheld, Withheld::kNo);
        all.push_back(std::move(op));
      }
      if (!taken.empty()) complete(taken);
      const auto ddl = queue_->take_ddl(std::chrono::milliseconds(0), {});
      EXPECT_TRUE(ddl.ok());
      const bool has_ddl = ddl.ok() && ddl->has_value();
      if (has_ddl) {
        ddls_.push_back((*ddl)->event);
        EXPECT_TRUE(queue_->complete_ddl((*ddl)->seq, {}, {}).ok());
      }
      quiet = taken.empty() && !has_ddl ? quiet + 1 : 0;
    }
    return all;
  }

  std::vector<DdlEvent> ddls_;
};

void expect_same(const Operation& is, const Operation& was) {
  EXPECT_EQ(is.kind, was.kind);
  EXPECT_EQ(is.ns.full(), was.ns.full());
  EXPECT_EQ(is.time, was.time);
  EXPECT_EQ(is.enqueued_ms, was.enqueued_ms);
  EXPECT_EQ(is.document_key, was.document_key);
  EXPECT_EQ(is.payload, was.payload);
}

TEST_P(QueueUpgradeTest, CheckFindsNothingWrong) {
  const auto report = check_queue(options_.directory, {});
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->problem_count, 0U) << (report->problems.empty() ? "" : report->problems[0].problem);
  EXPECT_EQ(report->operations, test::sample_waiting().size());
  EXPECT_EQ(report->ddl_operations, 7U);
  EXPECT_EQ(report->dead_letters, 2U);
  EXPECT_EQ(report->withheld, 4U);
  EXPECT_EQ(report->dirty_ranges, test::sample_dirty().size());
}

TEST_P(QueueUpgradeTest, EveryOperationIsThereInItsOrder) {
  open();
  ASSERT_NE(queue_, nullptr);
  std::vector<Operation> documents;
  std::vector<Operation> changes;
  for (const Operation& op : test::sample_waiting()) (op.kind == OpKind::kDdl ? changes : documents).push_back(op);
  std::vector<Operation> is = drain();
  ASSERT_EQ(is.size(), documents.size());
  for (std::size_t i = 0; i < is.size(); ++i) expect_same(is[i], documents[i]);
  ASSERT_EQ(ddls_.size(), changes.size());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto was = parse_ddl_event(changes[i].payload);
    ASSERT_TRUE(was.ok());
    EXPECT_EQ(ddls_[i].type, was->type);
    EXPECT_EQ(ddls_[i].ns, was->ns);
    EXPECT_EQ(ddls_[i].to, was->to);
    EXPECT_EQ(ddls_[i].uuid, was->uuid);
    EXPECT_EQ(ddls_[i].description, was->description);
    EXPECT_EQ(ddls_[i].time, was->time);
  }
  EXPECT_EQ(queue_->stats().operations, 0U);
}

TEST_P(QueueUpgradeTest, DeadLettersAndWithheldDeletesAreThere) {
  open();
  ASSERT_NE(queue_, nullptr);
  const auto letters = queue_->dead_letters(10);
  ASSERT_TRUE(letters.ok());
  const auto refused = test::sample_refused();
  ASSERT_EQ(letters->size(), refused.size());
  for (std::size_t i = 0; i < refused.size(); ++i) {
    const DeadLetter& letter = (*letters)[i];
    EXPECT_EQ(letter.kind, refused[i].kind);
    EXPECT_EQ(letter.ns, refused[i].ns);
    EXPECT_EQ(letter.document_key, refused[i].document_key);
    EXPECT_EQ(letter.reason, "refused by the sample");
    EXPECT_EQ(letter.code, 121);
    EXPECT_EQ(letter.attempts, 1U);
    EXPECT_EQ(letter.first_ms, refused[i].enqueued_ms);
  }
  for (const char* id : {"0", "1", "2"})
    EXPECT_EQ(*queue_->withheld_state(test::kSampleHeld, test::id_key(id)), Withheld::kHeld) << id;
  EXPECT_EQ(*queue_->withheld_state(test::kSampleHeld, test::id_key("3")), Withheld::kDiscarded);
  EXPECT_EQ(*queue_->withheld_state(test::kSampleHeld, test::id_key("4")), Withheld::kNo);
  ASSERT_TRUE(queue_->retry_dead_letter((*letters)[0].seq).ok());
  EXPECT_EQ(queue_->stats().operations, test::sample_waiting().size() + 1);
  EXPECT_EQ(*queue_->give_back_withheld(test::kSampleHeld, {1'700'000'001, 1}), 3U);
}

TEST_P(QueueUpgradeTest, PositionDirtyRangesAndStateAreThere) {
  open();
  ASSERT_NE(queue_, nullptr);
  const Position is = queue_->position();
  const Position was = test::sample_position();
  EXPECT_EQ(is.token, was.token);
  EXPECT_EQ(is.time, was.time);
  EXPECT_EQ(is.after_invalidate, was.after_invalidate);
  EXPECT_EQ(is.replica_set, was.replica_set);
  EXPECT_EQ(queue_->get_state(test::kSampleState)->value_or(""), test::kSampleStateValue);
  std::map<Namespace, DirtyRange> ranges;
  for (const DirtyRange& range : queue_->dirty_ranges()) ranges.emplace(range.ns, range);
  const auto sample = test::sample_dirty();
  EXPECT_EQ(ranges.size(), sample.size());
  for (const DirtyRange& expected : sample) {
    ASSERT_TRUE(ranges.contains(expected.ns)) << expected.ns.full();
    const DirtyRange& range = ranges.at(expected.ns);
    EXPECT_EQ(range.reason, expected.reason);
    EXPECT_EQ(range.gap_start, expected.gap_start);
    EXPECT_EQ(range.first_copy, expected.first_copy);
    EXPECT_EQ(range.progress, expected.progress);
    EXPECT_EQ(range.requested, expected.requested);
    EXPECT_EQ(range.keep_extra, expected.keep_extra);
    EXPECT_EQ(range.other_collection, expected.other_collection);
  }
  EXPECT_TRUE(queue_->applied_position().is_null()) << "a first copy is not done";
}

TEST_P(QueueUpgradeTest, WhatComesNowMergesWithWhatWasThere) {
  open();
  ASSERT_NE(queue_, nullptr);
  const std::uint64_t before = queue_->stats().operations;
  // The document that was replaced is deleted: the numbers are equal, so it is the same one.
  append({test::make_op(OpKind::kInsert, R"({"$numberDouble":"1.0"})", test::bson(R"({"_id":1.0,"new":1})"),
                        {1'700'000'050, 1})},
         {1'700'000'050, 1});
  EXPECT_LE(queue_->stats().operations, before + 1);
  open();
  ASSERT_NE(queue_, nullptr);
  const std::vector<Operation> all = drain();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back().payload, test::bson(R"({"_id":1.0,"new":1})")) << "one document, the newest content";
  const std::string replaced = test::bson(R"({"_id":1,"after":"the drop"})");
  EXPECT_TRUE(std::none_of(all.begin(), all.end(), [&](const Operation& op) { return op.payload == replaced; }));
}

INSTANTIATE_TEST_SUITE_P(Kept, QueueUpgradeTest, ::testing::Values("queue-v1"), [](const auto& each) {
  std::string name = each.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace dualsync
