// What the pipeline asks of a MongoDB: reading (both sides), writing documents and schema (the backup only).
//
// Shape    documents, document keys and index definitions are BSON bytes
// Threads  each object has one owner; make one per thread
// Errors   any call may give kConnectivity, kDenied or kStopped; others are named below
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dualsync/base/result.h"
#include "dualsync/model/namespace.h"
#include "dualsync/model/op_time.h"

namespace dualsync {

struct CollectionInfo {
  enum class Type : std::uint8_t { kCollection, kView, kTimeseries };
  Namespace ns;
  Type type = Type::kCollection;
  std::string options;  // BSON document, as listCollections gives it
  std::string uuid;     // 16 bytes; empty where there is none
};

// A half-open range [min, max) of `_id`; each bound is a BSON document {_id: ...} or empty for "no bound". If there are
// both, min comes before max.
struct IdRange {
  std::string min;
  std::string max;
};

// What a server says of the documents of a range without sending them.
struct RangeDigest {
  std::uint64_t documents = 0;
  std::uint64_t bytes = 0;
  std::int64_t low = 0;   // sums of the halves of each document's hash
  std::int64_t high = 0;  //
  bool operator==(const RangeDigest&) const = default;
};

inline Error no_digests() { return {ErrorKind::kUnsupported, "no digests here", "", 0}; }

// Documents in ascending `_id` order, or as scan_by_time() says. A document's bytes live until the next call.
class DocumentCursor {
 public:
  virtual ~DocumentCursor() = default;
  // An empty view at the end.
  virtual Result<std::string_view> next() = 0;
};

class DocumentReader {
 public:
  virtual ~DocumentReader() = default;

  // Calls `found` for each document whose `_id` is one of `document_keys` ({_id: ...} each, distinct), in no order.
  // Reads majority-committed data at or after `after` (null: no bound). Returns the server's operation time of the
  // read: whoever was not found did not exist then.
  virtual Result<OpTime> find_by_ids(const Namespace& ns, std::span<const std::string_view> document_keys, OpTime after,
                                     const std::function<void(std::string_view document)>& found) = 0;

  virtual Result<std::unique_ptr<DocumentCursor>> scan(const Namespace& ns, const IdRange& range) = 0;

  // Of a time series collection: in ascending order of the field that holds the time.
  virtual Result<std::unique_ptr<DocumentCursor>> scan_by_time(const Namespace& /*ns*/, const std::string& /*field*/) {
    return Error{ErrorKind::kUnsupported, "no time series here", "", 0};
  }

  virtual Result<std::vector<std::string>> list_databases() = 0;
  virtual Result<std::vector<CollectionInfo>> list_collections(const std::string& db) = 0;
  // Index definitions as listIndexes gives them, `_id_` included. Empty for a namespace that does not exist.
  virtual Result<std::vector<std::string>> list_indexes(const Namespace& ns) = 0;
  virtual Result<std::uint64_t> estimated_count(const Namespace& ns) = 0;
  // At most parts - 1 ascending bounds {_id: ...} that cut the namespace into ranges of about equal size.
  virtual Result<std::vector<std::string>> split_points(const Namespace& ns, std::size_t parts) = 0;
  // Ranges that hold the same bytes have the same digest. The reverse holds but for what a server's hash does not see.
  // kUnsupported: this server cannot, or not at a price worth it.
  virtual Result<RangeDigest> digest(const Namespace& ns, const IdRange& range) = 0;
  // True if the namespace holds no document (or does not exist).
  virtual Result<bool> is_empty(const Namespace& ns) = 0;

  // The newest cluster time of this server. kUnsupported: it has none (standalone).
  virtual Result<OpTime> cluster_time() = 0;
  // Seconds between the oldest and the newest entry of the oplog.
  virtual Result<std::int64_t> oplog_window_seconds() = 0;
  virtual Result<void> ping() = 0;
};

struct WriteItem {
  enum class Kind : std::uint8_t {
    kInsert,   // document is new; kDuplicateKey if it is there
    kReplace,  // upsert of the whole document
    // $set / $unset of paths that exist. kHeal if nothing matched or, not loose and not in order, nothing was changed:
    // an update that only moves fields cannot be said so.
    kDelta,
    kDelete,  // none found is a success
  };
  Kind kind = Kind::kReplace;
  std::string_view document_key;  // {_id: ..., shard key fields}
  std::string_view payload;       // document, or updateDescription for kDelta
  // kDelta, of all in a call or of none: also sets paths that are not there yet, in whatever order the server gives
  // them.
  bool loose = false;
};

struct WriteOutcome {
  bool ok = true;
  bool duplicate_id = false;  // kDuplicateKey on `_id` itself
  bool upserted = false;
  std::string collision;  // kDuplicateKey on another unique index: {field: value, ...} that is taken; empty: not known
  Error error;            // when not ok

  static WriteOutcome failed(Error error) {
    WriteOutcome outcome;
    outcome.ok = false;
    outcome.error = std::move(error);
    return outcome;
  }
};

class BackupWriter {
 public:
  virtual ~BackupWriter() = default;

  // Writes the items, each of another document, as few unordered bulks (deletes first, inserts last), acknowledged by
  // the majority. One outcome per item. An error instead of outcomes means that nothing is known about any item.
  virtual Result<std::vector<WriteOutcome>> write(const Namespace& ns, std::span<const WriteItem> items) = 0;

  // Writes the items in their order and stops at the first that fails: one outcome for each item up to that one. An
  // error instead of outcomes means that nothing is known about any item.
  virtual Result<std::vector<WriteOutcome>> write_in_order(const Namespace& ns, std::span<const WriteItem> items);

  // Deletes and inserts only, all or nothing (one transaction): the deletes take effect first. If an item fails,
  // nothing has changed, and the first outcome that is not ok says why. kUnsupported: a server without transactions.
  virtual Result<std::vector<WriteOutcome>> write_atomically(const Namespace& ns, std::span<const WriteItem> items) = 0;

  // Removes every measurement of a time series collection that holds all fields of one of `keys`. Unlike write(), what
  // is not answered may still take effect later, whatever is sent meanwhile. kRefused: not on this server, or not
  // these.
  virtual Result<void> remove_all(const Namespace& /*ns*/, std::span<const std::string_view> /*keys*/) {
    return Error{ErrorKind::kRefused, "no time series here", "", 0};
  }

  // The keys ({_id: ...}) of the documents that hold all values of `fields` (a WriteOutcome's collision); a few at
  // most.
  virtual Result<std::vector<std::string>> find_equal(const Namespace& ns, std::string_view fields) = 0;

  // False after a write that was not answered: it may still reach the backup, however late.
  virtual bool settled() const = 0;
  // Sends a write that changes nothing; once that is acknowledged, whatever this writer sent before is refused if it
  // arrives late. Does nothing if settled.
  virtual Result<void> settle() = 0;

  virtual std::uint64_t bytes_sent() const = 0;

  // Reads from the backup over the writer's own connection, which are few. Lives as long as the writer.
  virtual DocumentReader& reader() = 0;
};

inline Result<std::vector<WriteOutcome>> BackupWriter::write_in_order(const Namespace& ns,
                                                                      std::span<const WriteItem> items) {
  std::vector<WriteOutcome> outcomes;
  for (std::size_t place = 0; place < items.size(); ++place) {
    auto one = write(ns, items.subspan(place, 1));
    if (!one && outcomes.empty()) return one.error();
    outcomes.push_back(one ? std::move(one->front()) : WriteOutcome::failed(one.error()));
    if (!outcomes.back().ok) break;
  }
  return outcomes;
}

class SchemaWriter {
 public:
  virtual ~SchemaWriter() = default;

  // An existing collection is a success. Options are listCollections' or a create event's; what a mirror must not have
  // (capped, so that nothing is evicted here) is left out. Validators and views are kept.
  virtual Result<void> create_collection(const Namespace& ns, std::string_view options) = 0;
  // TTL indexes are built without expireAfterSeconds: a mirror must not delete by its own clock.
  // An equal index is a success. kDuplicateKey: a unique index that the data does not allow yet.
  virtual Result<void> create_index(const Namespace& ns, std::string_view definition) = 0;
  // Keeps what is true of all indexes of local but left out on the backup (TTL), for restore. Changes no index.
  virtual Result<void> keep_indexes(const Namespace& /*ns*/, const std::vector<std::string>& /*definitions*/) {
    return {};
  }
  virtual Result<void> drop_index(const Namespace& ns, const std::string& name) = 0;              // kNotFound
  virtual Result<void> modify_collection(const Namespace& ns, std::string_view changes) = 0;      // kNotFound
  virtual Result<void> rename(const Namespace& from, const Namespace& to, bool drop_target) = 0;  // kNotFound
  virtual Result<void> drop(const Namespace& ns) = 0;  // kNotFound, from servers before 7.0
};

}  // namespace dualsync
