#include "dualsync/pipeline/guarded_local.h"

namespace dualsync {
namespace {

class GuardedSource final : public ChangeSource {
 public:
  GuardedSource(std::unique_ptr<ChangeSource> inner, LocalGuard& guard) : inner_(std::move(inner)), guard_(guard) {}

  // Also after a failure: a position that a wrong local does not know is not lost.
  Result<Position> open(const Position& from) override {
    DUALSYNC_TRY(guard_.confirm());
    auto opened = inner_->open(from);
    if (opened || opened.error().kind == ErrorKind::kPositionLost) DUALSYNC_TRY(guard_.confirm());
    return opened;
  }

  // The cursor lives and dies with the server process that open() was confirmed on.
  Result<ChangeBatch> next(std::stop_token stop) override {
    const auto view = guard_.view();
    if (view.trust == LocalTrust::kWrong) return Error{ErrorKind::kConflict, view.cause, "", 0};
    auto batch = inner_->next(stop);
    if (!batch && batch.error().kind == ErrorKind::kPositionLost) DUALSYNC_TRY(guard_.confirm());
    if (batch && !batch->events.empty()) guard_.changes_came();
    return batch;
  }

  void close() override { inner_->close(); }
  bool follows_changes() const override { return inner_->follows_changes(); }
  bool tells_ddl() const override { return inner_->tells_ddl(); }

 private:
  const std::unique_ptr<ChangeSource> inner_;
  LocalGuard& guard_;
};

class GuardedReader final : public DocumentReader {
 public:
  GuardedReader(std::unique_ptr<DocumentReader> inner, LocalGuard& guard) : inner_(std::move(inner)), guard_(guard) {}

  Result<OpTime> find_by_ids(const Namespace& ns, std::span<const std::string_view> document_keys, OpTime after,
                             const std::function<void(std::string_view document)>& found) override {
    return confirmed(inner_->find_by_ids(ns, document_keys, after, found));
  }
  // The rest of a cursor comes from the same server process as its beginning.
  Result<std::unique_ptr<DocumentCursor>> scan(const Namespace& ns, const IdRange& range) override {
    return confirmed(inner_->scan(ns, range));
  }
  Result<std::unique_ptr<DocumentCursor>> scan_by_time(const Namespace& ns, const std::string& field) override {
    return confirmed(inner_->scan_by_time(ns, field));
  }
  Result<std::vector<std::string>> list_databases() override { return confirmed(inner_->list_databases()); }
  Result<std::vector<CollectionInfo>> list_collections(const std::string& db) override {
    return confirmed(inner_->list_collections(db));
  }
  Result<std::vector<std::string>> list_indexes(const Namespace& ns) override {
    return confirmed(inner_->list_indexes(ns));
  }
  Result<std::uint64_t> estimated_count(const Namespace& ns) override { return confirmed(inner_->estimated_count(ns)); }
  Result<std::vector<std::string>> split_points(const Namespace& ns, std::size_t parts) override {
    return confirmed(inner_->split_points(ns, parts));
  }
  Result<RangeDigest> digest(const Namespace& ns, const IdRange& range) override {
    return confirmed(inner_->digest(ns, range));
  }
  Result<bool> is_empty(const Namespace& ns) override { return confirmed(inner_->is_empty(ns)); }
  Result<OpTime> cluster_time() override { return inner_->cluster_time(); }
  Result<std::int64_t> oplog_window_seconds() override { return inner_->oplog_window_seconds(); }
  Result<void> ping() override { return inner_->ping(); }

 private:
  template <typename T>
  Result<T> confirmed(Result<T> result) {
    if (result) DUALSYNC_TRY(guard_.confirm());
    return result;
  }

  const std::unique_ptr<DocumentReader> inner_;
  LocalGuard& guard_;
};

}  // namespace

std::unique_ptr<ChangeSource> GuardedLocal::make_change_source() {
  return std::make_unique<GuardedSource>(inner_.make_change_source(), guard_);
}

std::unique_ptr<DocumentReader> GuardedLocal::make_reader() {
  return std::make_unique<GuardedReader>(inner_.make_reader(), guard_);
}

}  // namespace dualsync
