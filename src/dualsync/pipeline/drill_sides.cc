#include "dualsync/pipeline/drill_sides.h"

namespace dualsync {
namespace {

class ThrottledWriter final : public BackupWriter {
 public:
  ThrottledWriter(std::unique_ptr<BackupWriter> writer, RateLimiter& limiter, std::stop_token stop)
      : writer_(std::move(writer)), limiter_(limiter), stop_(std::move(stop)) {}

  Result<std::vector<WriteOutcome>> write(const Namespace& ns, std::span<const WriteItem> items) override {
    limiter_.wait(stop_);
    limiter_.spend(items.size(), bytes_of(items));
    return writer_->write(ns, items);
  }
  Result<std::vector<WriteOutcome>> write_atomically(const Namespace& ns, std::span<const WriteItem> items) override {
    limiter_.wait(stop_);
    limiter_.spend(items.size(), bytes_of(items));
    return writer_->write_atomically(ns, items);
  }
  Result<void> remove_all(const Namespace& ns, std::span<const std::string_view> keys) override {
    limiter_.wait(stop_);
    limiter_.spend(keys.size(), 0);
    return writer_->remove_all(ns, keys);
  }
  Result<std::vector<std::string>> find_equal(const Namespace& ns, std::string_view fields) override {
    return writer_->find_equal(ns, fields);
  }
  bool settled() const override { return writer_->settled(); }
  Result<void> settle() override { return writer_->settle(); }
  std::uint64_t bytes_sent() const override { return writer_->bytes_sent(); }
  DocumentReader& reader() override { return writer_->reader(); }

 private:
  static std::uint64_t bytes_of(std::span<const WriteItem> items) {
    std::uint64_t sum = 0;
    for (const WriteItem& item : items) sum += item.document_key.size() + item.payload.size();
    return sum;
  }

  const std::unique_ptr<BackupWriter> writer_;
  RateLimiter& limiter_;
  const std::stop_token stop_;
};

class RestoredReader final : public DocumentReader {
 public:
  RestoredReader(std::unique_ptr<DocumentReader> backup, std::unique_ptr<DocumentReader> target,
                 const std::map<Namespace, Namespace>& restored)
      : backup_(std::move(backup)), target_(std::move(target)), restored_(restored) {}

  Result<std::unique_ptr<DocumentCursor>> scan(const Namespace& ns, const IdRange& range) override {
    const auto found = restored_.find(ns);
    return found == restored_.end() ? backup_->scan(ns, range) : target_->scan(found->second, range);
  }
  Result<std::unique_ptr<DocumentCursor>> scan_by_time(const Namespace& ns, const std::string& field) override {
    const auto found = restored_.find(ns);
    return found == restored_.end() ? backup_->scan_by_time(ns, field) : target_->scan_by_time(found->second, field);
  }
  Result<OpTime> find_by_ids(const Namespace& ns, std::span<const std::string_view> keys, OpTime after,
                             const std::function<void(std::string_view)>& found) override {
    return backup_->find_by_ids(ns, keys, after, found);
  }
  Result<std::vector<std::string>> list_databases() override { return backup_->list_databases(); }
  Result<std::vector<CollectionInfo>> list_collections(const std::string& db) override {
    return backup_->list_collections(db);
  }
  Result<std::vector<std::string>> list_indexes(const Namespace& ns) override { return backup_->list_indexes(ns); }
  Result<std::uint64_t> estimated_count(const Namespace& ns) override { return backup_->estimated_count(ns); }
  Result<std::vector<std::string>> split_points(const Namespace& ns, std::size_t parts) override {
    return backup_->split_points(ns, parts);
  }
  // A drill is a proof: it reads.
  Result<RangeDigest> digest(const Namespace&, const IdRange&) override { return no_digests(); }
  Result<bool> is_empty(const Namespace& ns) override { return backup_->is_empty(ns); }
  Result<OpTime> cluster_time() override { return backup_->cluster_time(); }
  Result<std::int64_t> oplog_window_seconds() override { return backup_->oplog_window_seconds(); }
  Result<void> ping() override { return backup_->ping(); }

 private:
  const std::unique_ptr<DocumentReader> backup_;
  const std::unique_ptr<DocumentReader> target_;
  const std::map<Namespace, Namespace>& restored_;
};

}  // namespace

std::unique_ptr<BackupWriter> ThrottledSide::make_writer() {
  return std::make_unique<ThrottledWriter>(side_.make_writer(), limiter_, stop_);
}

std::unique_ptr<DocumentReader> RestoredSide::make_reader() {
  return std::make_unique<RestoredReader>(backup_.make_reader(), target_.make_reader(), restored_);
}

}  // namespace dualsync
