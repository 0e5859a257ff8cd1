#include "dualsync/pipeline/absent_local.h"

namespace dualsync {
namespace {

Error gone() { return {ErrorKind::kConnectivity, "local is not used", "", 0}; }

class NoSource final : public ChangeSource {
 public:
  Result<Position> open(const Position& /*from*/) override { return gone(); }
  Result<ChangeBatch> next(std::stop_token /*stop*/) override { return gone(); }
  void close() override {}
};

class NoReader final : public DocumentReader {
 public:
  Result<OpTime> find_by_ids(const Namespace&, std::span<const std::string_view>, OpTime,
                             const std::function<void(std::string_view)>&) override {
    return gone();
  }
  Result<std::unique_ptr<DocumentCursor>> scan(const Namespace&, const IdRange&) override { return gone(); }
  Result<std::vector<std::string>> list_databases() override { return gone(); }
  Result<std::vector<CollectionInfo>> list_collections(const std::string&) override { return gone(); }
  Result<std::vector<std::string>> list_indexes(const Namespace&) override { return gone(); }
  Result<std::uint64_t> estimated_count(const Namespace&) override { return gone(); }
  Result<std::vector<std::string>> split_points(const Namespace&, std::size_t) override { return gone(); }
  Result<RangeDigest> digest(const Namespace&, const IdRange&) override { return gone(); }
  Result<bool> is_empty(const Namespace&) override { return gone(); }
  Result<OpTime> cluster_time() override { return gone(); }
  Result<std::int64_t> oplog_window_seconds() override { return gone(); }
  Result<void> ping() override { return gone(); }
};

}  // namespace

std::unique_ptr<ChangeSource> AbsentLocal::make_change_source() { return std::make_unique<NoSource>(); }
std::unique_ptr<DocumentReader> AbsentLocal::make_reader() { return std::make_unique<NoReader>(); }

}  // namespace dualsync
