// A backup that takes everything and only counts, and a local that holds whatever it is asked for: what is measured
// between them is ours.
//
// Threads  one at a time
#pragma once

#include "dualsync/ports/sides.h"
#include "queue_load.h"

namespace dualsync::bench {

// Answers every read by a document of that `_id`; everything else is not asked in a benchmark.
class AnyDocument final : public DocumentReader {
 public:
  Result<OpTime> find_by_ids(const Namespace&, std::span<const std::string_view> keys, OpTime after,
                             const std::function<void(std::string_view)>& found) override {
    for (const std::string_view key : keys) found(LoadMaker::document(LoadMaker::id_of(key)));
    return after;
  }
  Result<std::unique_ptr<DocumentCursor>> scan(const Namespace&, const IdRange&) override { return none(); }
  Result<std::vector<std::string>> list_databases() override { return none(); }
  Result<std::vector<CollectionInfo>> list_collections(const std::string&) override { return none(); }
  Result<std::vector<std::string>> list_indexes(const Namespace&) override { return none(); }
  Result<std::uint64_t> estimated_count(const Namespace&) override { return none(); }
  Result<std::vector<std::string>> split_points(const Namespace&, std::size_t) override { return none(); }
  Result<RangeDigest> digest(const Namespace&, const IdRange&) override { return no_digests(); }
  Result<bool> is_empty(const Namespace&) override { return none(); }
  Result<OpTime> cluster_time() override { return none(); }
  Result<std::int64_t> oplog_window_seconds() override { return none(); }
  Result<void> ping() override { return {}; }

 private:
  static Error none() { return {ErrorKind::kUnsupported, "not part of the benchmark", "", 0}; }
};

class CountingLocal final : public LocalSide {
 public:
  std::unique_ptr<ChangeSource> make_change_source() override { return nullptr; }
  std::unique_ptr<DocumentReader> make_reader() override { return std::make_unique<AnyDocument>(); }
};

class CountingBackup final : public BackupSide {
 public:
  std::unique_ptr<DocumentReader> make_reader() override { return std::make_unique<AnyDocument>(); }
  std::unique_ptr<SchemaWriter> make_schema_writer() override { return nullptr; }
  std::unique_ptr<BackupWriter> make_writer() override { return std::make_unique<Writer>(*this); }
  std::uint64_t writes() const { return writes_; }

 private:
  class Writer final : public BackupWriter {
   public:
    explicit Writer(CountingBackup& owner) : owner_(owner) {}
    Result<std::vector<WriteOutcome>> write(const Namespace&, std::span<const WriteItem> items) override {
      owner_.writes_ += items.size();
      return std::vector<WriteOutcome>(items.size());
    }
    Result<std::vector<WriteOutcome>> write_atomically(const Namespace& ns, std::span<const WriteItem> items) override {
      return write(ns, items);
    }
    Result<std::vector<std::string>> find_equal(const Namespace&, std::string_view) override {
      return std::vector<std::string>();
    }
    bool settled() const override { return true; }
    Result<void> settle() override { return {}; }
    std::uint64_t bytes_sent() const override { return owner_.writes_; }
    DocumentReader& reader() override { return reader_; }

   private:
    CountingBackup& owner_;
    AnyDocument reader_;
  };

  std::uint64_t writes_ = 0;
};

}  // namespace dualsync::bench
