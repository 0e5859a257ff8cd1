#include "dualsync/pipeline/standalone_local.h"

#include <algorithm>

#include "dualsync/base/waiting.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kStep{
    200};  // how far behind our clock the position may be; each is written to disk
constexpr std::chrono::milliseconds kTopologyLook{2000};  // how late a change of local is noticed

class StandaloneSource final : public ChangeSource {
 public:
  StandaloneSource(std::unique_ptr<DocumentReader> reader, std::unique_ptr<ChangeSource> stream, const Clock& clock,
                   StandaloneClock& times)
      : reader_(std::move(reader)), stream_(std::move(stream)), clock_(clock), times_(times) {}

  Result<Position> open(const Position& from) override {
    DUALSYNC_TRY(look());
    times_.passed(from.time);
    return here();
  }

  Result<ChangeBatch> next(std::stop_token stop) override {
    sleep_for(kStep, stop);
    if (stop.stop_requested()) return Error{ErrorKind::kStopped, "stopped", "", 0};
    if (clock_.now() - looked_ >= kTopologyLook) DUALSYNC_TRY(look());
    return ChangeBatch{{}, here()};
  }

  void close() override {}
  bool follows_changes() const override { return false; }

 private:
  // Whether local is there, and still without a change stream: the driver hides a short restart from us.
  Result<void> look() {
    DUALSYNC_TRY(reader_->ping());
    if (stream_ != nullptr) {
      const auto followed = stream_->open({});
      stream_->close();
      if (followed) {
        return Error{ErrorKind::kConflict, "local is a replica set now",
                     "start dualsync again: it compares everything once and follows the change stream from then on", 0};
      }
      if (followed.error().kind != ErrorKind::kUnsupported) return followed.error();
    }
    looked_ = clock_.now();
    return {};
  }
  Position here() { return {std::string(Position::kNoStream), times_.now(), false, ""}; }

  const std::unique_ptr<DocumentReader> reader_;
  const std::unique_ptr<ChangeSource> stream_;
  const Clock& clock_;
  StandaloneClock& times_;
  SteadyTime looked_;
};

// A read's time is taken after it: whoever changes a document and tells us of it later comes later, too.
class StandaloneReader final : public DocumentReader {
 public:
  StandaloneReader(std::unique_ptr<DocumentReader> inner, StandaloneClock& times)
      : inner_(std::move(inner)), times_(times) {}

  Result<OpTime> find_by_ids(const Namespace& ns, std::span<const std::string_view> document_keys, OpTime /*after*/,
                             const std::function<void(std::string_view document)>& found) override {
    const auto read = inner_->find_by_ids(ns, document_keys, OpTime{}, found);
    if (!read) return read.error();
    return times_.now();
  }
  Result<OpTime> cluster_time() override {
    DUALSYNC_TRY(inner_->ping());
    return times_.now();
  }
  Result<std::unique_ptr<DocumentCursor>> scan(const Namespace& ns, const IdRange& range) override {
    return inner_->scan(ns, range);
  }
  Result<std::unique_ptr<DocumentCursor>> scan_by_time(const Namespace& ns, const std::string& field) override {
    return inner_->scan_by_time(ns, field);
  }
  Result<std::vector<std::string>> list_databases() override { return inner_->list_databases(); }
  Result<std::vector<CollectionInfo>> list_collections(const std::string& db) override {
    return inner_->list_collections(db);
  }
  Result<std::vector<std::string>> list_indexes(const Namespace& ns) override { return inner_->list_indexes(ns); }
  Result<std::uint64_t> estimated_count(const Namespace& ns) override { return inner_->estimated_count(ns); }
  Result<std::vector<std::string>> split_points(const Namespace& ns, std::size_t parts) override {
    return inner_->split_points(ns, parts);
  }
  Result<RangeDigest> digest(const Namespace& ns, const IdRange& range) override { return inner_->digest(ns, range); }
  Result<bool> is_empty(const Namespace& ns) override { return inner_->is_empty(ns); }
  Result<std::int64_t> oplog_window_seconds() override { return inner_->oplog_window_seconds(); }
  Result<void> ping() override { return inner_->ping(); }

 private:
  const std::unique_ptr<DocumentReader> inner_;
  StandaloneClock& times_;
};

}  // namespace

OpTime StandaloneClock::now() {
  const std::int64_t ms = clock_.unix_ms();
  const OpTime wall{static_cast<std::uint32_t>(ms / 1000), static_cast<std::uint32_t>(ms % 1000 + 1)};
  std::uint64_t known = last_.load();
  std::uint64_t next = 0;
  do {
    next = std::max(known + 1, wall.packed());
  } while (!last_.compare_exchange_weak(known, next));
  return OpTime::unpack(next);
}

void StandaloneClock::passed(OpTime time) {
  std::uint64_t known = last_.load();
  while (known < time.packed() && !last_.compare_exchange_weak(known, time.packed())) {
  }
}

std::unique_ptr<ChangeSource> StandaloneLocal::make_change_source() {
  return std::make_unique<StandaloneSource>(inner_.make_reader(), inner_.make_change_source(), clock_, times_);
}

std::unique_ptr<DocumentReader> StandaloneLocal::make_reader() {
  return std::make_unique<StandaloneReader>(inner_.make_reader(), times_);
}

}  // namespace dualsync
