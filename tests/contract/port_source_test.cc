// ChangeSource: what capture relies on.
#include "contract/port_sides.h"
#include "dualsync/codec/event_decode.h"

namespace dualsync::test {
namespace {

struct Seen {
  bool deleted = false;
  int id = 0;
  bool operator==(const Seen&) const = default;
};
void PrintTo(const Seen& seen, std::ostream* out) {  // NOLINT: GoogleTest's name
  *out << (seen.deleted ? "delete " : "write ") << seen.id;
}

constexpr int kCallsMax = 200;  // until what was written must have come

// The document events of a batch, through the product's own decoder; a `create` and others are passed over. All writes
// up to the position before it had been delivered.
void collect(const ChangeBatch& batch, const Position& before, std::vector<Seen>* seen) {
  for (const std::string_view event : batch.events) {
    const DecodedEvent decoded = decode_event(event);
    EXPECT_NE(decoded.kind, DecodedEvent::Kind::kMalformed) << decoded.problem;
    if (decoded.kind != DecodedEvent::Kind::kDocument) continue;
    bson_iter_t id;
    EXPECT_TRUE(find_field(decoded.op.document_key, "_id", &id));
    EXPECT_GT(decoded.op.last_time, before.time) << "the position ran ahead of the events";
    seen->push_back({decoded.op.kind == OpKind::kDelete, static_cast<int>(bson_iter_as_int64(&id))});
  }
}

class Stream {
 public:
  explicit Stream(PortSides& sides) : source_(sides.make_change_source()) {}
  void open(const Position& from) {
    const auto opened = source_->open(from);
    ASSERT_TRUE(succeeds(opened));
    EXPECT_FALSE(opened->empty());
    position_ = *opened;
  }
  // Until so many document events have come in all, or no more calls are worth it.
  std::vector<Seen> read(std::size_t count) {
    std::vector<Seen> seen;
    for (int call = 0; call < kCallsMax && seen.size() < count; ++call) {
      const auto batch = source_->next({});
      EXPECT_TRUE(succeeds(batch));
      if (!batch.ok()) break;
      EXPECT_GE(batch->position.time, position_.time) << "the position went back";
      collect(*batch, position_, &seen);
      position_ = batch->position;
    }
    return seen;
  }
  ChangeSource& source() { return *source_; }
  const Position& position() const { return position_; }

 private:
  std::unique_ptr<ChangeSource> source_;
  Position position_;
};

TEST_P(SourceContract, DeliversWhatHappensAfterItWasOpenedInOrder) {
  sides_->insert("c", 1, 10);
  Stream stream(*sides_);
  stream.open({});
  sides_->insert("c", 2, 20);
  sides_->set_v("c", 1, 11);
  sides_->replace("c", 2, 21);
  sides_->remove("c", 1);
  sides_->insert("c", 1, 12);
  EXPECT_EQ(stream.read(5), (std::vector<Seen>{{false, 2}, {false, 1}, {false, 2}, {true, 1}, {false, 1}}));
}

TEST_P(SourceContract, GoesOnAfterAnyPositionWithoutGapOrRepetition) {
  sides_->insert("c", 1, 1);
  std::vector<Position> positions;
  std::vector<std::size_t> read_by_then;
  Stream first(*sides_);
  first.open({});
  for (int id = 2; id <= 12; ++id) sides_->insert("c", id, id);
  positions.push_back(first.position());
  std::size_t count = 0;
  read_by_then.push_back(0);
  while (count < 11) {
    const auto batch = first.source().next({});
    ASSERT_TRUE(succeeds(batch));
    std::vector<Seen> seen;
    collect(*batch, positions.back(), &seen);
    count += seen.size();
    positions.push_back(batch->position);
    read_by_then.push_back(count);
  }
  first.source().close();
  for (std::size_t i = 0; i < positions.size(); ++i) {
    Stream again(*sides_);
    again.open(positions[i]);
    const auto seen = again.read(11 - read_by_then[i]);
    ASSERT_EQ(seen.size(), 11 - read_by_then[i]) << "from position " << i;
    for (std::size_t k = 0; k < seen.size(); ++k)
      EXPECT_EQ(seen[k], (Seen{false, static_cast<int>(2 + read_by_then[i] + k)}));
  }
}

TEST_P(SourceContract, AnEmptyBatchStillMovesThePositionToTheServersTime) {
  sides_->insert("c", 1, 1);
  Stream stream(*sides_);
  stream.open({});
  sides_->insert("elsewhere", 1, 1);
  const auto now = sides_->make_local_reader()->cluster_time();
  ASSERT_TRUE(succeeds(now));
  for (int call = 0; call < kCallsMax && stream.position().time < *now; ++call) {
    const auto batch = stream.source().next({});
    ASSERT_TRUE(succeeds(batch));
    EXPECT_FALSE(batch->position.empty());
    if (batch->position.time >= *now) return;
  }
  EXPECT_GE(stream.position().time, *now);
}

TEST_P(SourceContract, APositionThatIsLostIsToldAsSuch) {
  for (int id = 1; id <= 5; ++id) sides_->insert("c", id, id);
  const Position lost = sides_->lost_position();
  Stream stream(*sides_);
  EXPECT_EQ(failure_of(stream.source().open(lost)), ErrorKind::kPositionLost);
  stream.open({});
  sides_->insert("c", 9, 9);
  EXPECT_EQ(stream.read(1), (std::vector<Seen>{{false, 9}})) << "from now on it goes on";
}

TEST_P(SourceContract, StopsWhenAskedTo) {
  Stream stream(*sides_);
  stream.open({});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(failure_of(stream.source().next(stop.get_token())), ErrorKind::kStopped);
  stream.source().close();
}

}  // namespace
}  // namespace dualsync::test
