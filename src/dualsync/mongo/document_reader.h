// MongoReader: DocumentReader over one connection.
//
// Shape    every read is majority-committed and goes to the primary. Cursors of scan() share the reader's session, and
//          may be used in turn with the reader's other calls.
// Order    find_by_ids() returns the newest operation time of all its replies. The documents are of some moment between
//          `after` and then; so whoever waits until capture has passed that time has seen every later change.
// Threads  one owner, for the cursors too
// Errors   as ports/document_store.h; a read of something that is no collection may be kUnsupported
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dualsync/mongo/client_session.h"
#include "dualsync/ports/document_store.h"

namespace dualsync {

class MongoReader final : public DocumentReader {
 public:
  explicit MongoReader(std::shared_ptr<ClientPool> pool);
  // Over a session that its owner uses in turn.
  explicit MongoReader(std::shared_ptr<ClientSession> session) : session_(std::move(session)) {}

  Result<OpTime> find_by_ids(const Namespace& ns, std::span<const std::string_view> document_keys, OpTime after,
                             const std::function<void(std::string_view document)>& found) override;
  Result<std::unique_ptr<DocumentCursor>> scan(const Namespace& ns, const IdRange& range) override;
  Result<std::unique_ptr<DocumentCursor>> scan_by_time(const Namespace& ns, const std::string& field) override;
  Result<std::vector<std::string>> list_databases() override;
  Result<std::vector<CollectionInfo>> list_collections(const std::string& db) override;
  Result<std::vector<std::string>> list_indexes(const Namespace& ns) override;
  Result<std::uint64_t> estimated_count(const Namespace& ns) override;
  Result<std::vector<std::string>> split_points(const Namespace& ns, std::size_t parts) override;
  // From MongoDB 5.0 on: below, a condition over all types of `_id` uses no index.
  Result<RangeDigest> digest(const Namespace& ns, const IdRange& range) override;
  Result<bool> is_empty(const Namespace& ns) override;
  Result<OpTime> cluster_time() override;
  Result<std::int64_t> oplog_window_seconds() override;
  Result<void> ping() override;

 private:
  Result<bool> sorts_bounded_scans();

  const std::shared_ptr<ClientSession> session_;
  std::optional<bool> sorts_bounded_scans_;  // asked once
};

}  // namespace dualsync
