#include "dualsync/mongo/document_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "dualsync/mongo/command_cursor.h"
#include "dualsync/mongo/digest_command.h"

namespace dualsync {
namespace {

// Documents per reply of a scan. The server also ends a reply at 16 MiB, so that is what a scan holds at most.
constexpr std::int32_t kScanBatch = 1000;
// A find command with its keys stays under this; a single key may be larger, and then goes alone.
constexpr std::size_t kFindBytesMax = std::size_t{4} * 1024 * 1024;
constexpr std::size_t kSamplesPerPart = 20;  // ranges come out within about a quarter of their mean size

void append_text(bson_t* to, const char* name, const std::string& text) {
  bson_append_utf8(to, name, -1, text.c_str(), static_cast<int>(text.size()));
}

void append_id_pattern(bson_t* to, const char* name) {
  bson_t pattern;
  bson_append_document_begin(to, name, -1, &pattern);
  BSON_APPEND_INT32(&pattern, "_id", 1);
  bson_append_document_end(to, &pattern);
}

Result<void> find_id(std::string_view document_key, bson_iter_t* id) {
  const auto view = view_bson(document_key);
  if (view.has_value() && bson_iter_init_find(id, &*view, "_id")) return {};
  return Error{ErrorKind::kInvalidArgument, "a document key without `_id`", "", 0};
}

// The server's words for "no such index to hint at": views, time series, and collections made without an `_id` index.
bool hint_refused(const Error& error) {
  constexpr std::array codes = {kCodeBadValue, kCodeViewNotSupported, kCodeNoQueryExecutionPlans};
  return std::find(codes.begin(), codes.end(), error.code) != codes.end();
}

// {find: ns, filter: {_id: {$in: [keys from *position on]}}, ...}; moves *position behind the last key that fits.
Result<void> build_find_by_ids(const Namespace& ns, std::span<const std::string_view> keys, OpTime after,
                               std::size_t* position, BsonDoc* command) {
  append_text(command->get(), "find", ns.collection);
  bson_t filter;
  bson_t condition;
  bson_t values;
  bson_append_document_begin(command->get(), "filter", -1, &filter);
  bson_append_document_begin(&filter, "_id", -1, &condition);
  bson_append_array_begin(&condition, "$in", -1, &values);
  const std::size_t first = *position;
  std::size_t bytes = 0;
  while (*position < keys.size()) {
    const std::size_t key_bytes = keys[*position].size() + 16;  // 16: its index as a name, and the type
    if (*position > first && bytes + key_bytes > kFindBytesMax) break;
    bson_iter_t id;
    DUALSYNC_TRY(find_id(keys[*position], &id));
    const std::string name = std::to_string(*position - first);
    bson_append_iter(&values, name.c_str(), static_cast<int>(name.size()), &id);
    bytes += key_bytes;
    ++*position;
  }
  bson_append_array_end(&condition, &values);
  bson_append_document_end(&filter, &condition);
  bson_append_document_end(command->get(), &filter);
  // No hint: keys lead to the index by themselves, and not every server goes straight to them when it is given one.
  // One more than can be found, so that the first reply can also say that the cursor is at its end.
  BSON_APPEND_INT32(command->get(), "batchSize", static_cast<std::int32_t>(*position - first + 1));
  append_majority_read_concern(command, after);
  return {};
}

// {_id: 1}, or with a field that no document has beside it, for a server that would otherwise leave the sorting out.
void append_sort(bson_t* to, bool sorts_by_id_alone) {
  bson_t sort;
  bson_append_document_begin(to, "sort", -1, &sort);
  BSON_APPEND_INT32(&sort, "_id", 1);
  if (!sorts_by_id_alone) BSON_APPEND_INT32(&sort, "_id._", 1);
  bson_append_document_end(to, &sort);
}

struct ScanForm {
  bool with_hint = true;
  bool sorts_by_id_alone = true;
};

Result<void> build_scan(const Namespace& ns, const IdRange& range, const ScanForm& form, BsonDoc* command) {
  append_text(command->get(), "find", ns.collection);
  append_sort(command->get(), form.sorts_by_id_alone);
  for (const auto& [name, bound] : {std::pair{"min", &range.min}, std::pair{"max", &range.max}}) {
    if (bound->empty()) continue;
    bson_iter_t id;
    DUALSYNC_TRY(find_id(*bound, &id));
    bson_t document;
    bson_append_document_begin(command->get(), name, -1, &document);
    bson_append_iter(&document, "_id", -1, &id);
    bson_append_document_end(command->get(), &document);
  }
  if (form.with_hint) {
    append_id_pattern(command->get(), "hint");
  } else {
    BSON_APPEND_BOOL(command->get(), "allowDiskUse", true);
  }
  BSON_APPEND_INT32(command->get(), "batchSize", kScanBatch);
  append_majority_read_concern(command, OpTime{});
  return {};
}

class ScanCursor final : public DocumentCursor {
 public:
  explicit ScanCursor(std::unique_ptr<CommandCursor> cursor) : cursor_(std::move(cursor)) {}
  Result<std::string_view> next() override { return cursor_->next(); }

 private:
  const std::unique_ptr<CommandCursor> cursor_;
};

CollectionInfo read_collection_info(const std::string& db, std::string_view bytes) {
  CollectionInfo info;
  info.ns.db = db;
  const auto view = view_bson(bytes);
  if (!view.has_value()) return info;
  const bson_t& entry = *view;
  bson_iter_t iter;
  if (bson_iter_init_find(&iter, &entry, "name")) info.ns.collection = iter_string(iter).value_or("");
  if (bson_iter_init_find(&iter, &entry, "type")) {
    const std::string_view type = iter_string(iter).value_or("");
    if (type == "view") info.type = CollectionInfo::Type::kView;
    if (type == "timeseries") info.type = CollectionInfo::Type::kTimeseries;
  }
  if (bson_iter_init_find(&iter, &entry, "options")) info.options = iter_document(iter).value_or("");
  bson_iter_t found;
  if (bson_iter_init(&iter, &entry) && bson_iter_find_descendant(&iter, "info.uuid", &found))
    info.uuid = iter_binary(found).value_or("");
  return info;
}

// Calls `use` for each document of the command's cursor.
Result<void> for_each(const std::shared_ptr<ClientSession>& session, const std::string& db, const BsonDoc& command,
                      const std::string& what, const std::function<void(std::string_view)>& use) {
  CommandCursor cursor(session, db, what);
  DUALSYNC_TRY(cursor.start(command, 0));
  while (true) {
    const auto document = cursor.next();
    if (!document.ok()) return document.error();
    if (document->empty()) return {};
    use(*document);
  }
}

// $sample of `_id` only, sorted.
void build_sample(const Namespace& ns, std::size_t samples, BsonDoc* command) {
  append_text(command->get(), "aggregate", ns.collection);
  bson_t pipeline;
  bson_t stage;
  bson_t body;
  bson_append_array_begin(command->get(), "pipeline", -1, &pipeline);
  bson_append_document_begin(&pipeline, "0", -1, &stage);
  bson_append_document_begin(&stage, "$sample", -1, &body);
  BSON_APPEND_INT64(&body, "size", static_cast<std::int64_t>(samples));
  bson_append_document_end(&stage, &body);
  bson_append_document_end(&pipeline, &stage);
  bson_append_document_begin(&pipeline, "1", -1, &stage);
  append_id_pattern(&stage, "$project");
  bson_append_document_end(&pipeline, &stage);
  bson_append_document_begin(&pipeline, "2", -1, &stage);
  append_id_pattern(&stage, "$sort");
  bson_append_document_end(&pipeline, &stage);
  bson_append_array_end(command->get(), &pipeline);
  bson_append_document_begin(command->get(), "cursor", -1, &body);
  bson_append_document_end(command->get(), &body);
  append_majority_read_concern(command, OpTime{});
}

}  // namespace

MongoReader::MongoReader(std::shared_ptr<ClientPool> pool)
    : session_(std::make_shared<ClientSession>(std::move(pool))) {}

Result<OpTime> MongoReader::find_by_ids(const Namespace& ns, std::span<const std::string_view> document_keys,
                                        OpTime after, const std::function<void(std::string_view document)>& found) {
  OpTime newest;
  auto server = session_->select_primary();
  if (!server.ok()) return server.error();
  const OpTime bound = server->standalone ? OpTime{} : after;  // a standalone has no cluster times
  for (std::size_t position = 0; position < document_keys.size();) {
    BsonDoc command;
    DUALSYNC_TRY(build_find_by_ids(ns, document_keys, bound, &position, &command));
    CommandCursor cursor(session_, ns.db, fmt::format("read documents of {}", ns.full()));
    DUALSYNC_TRY(cursor.start(command, 0));
    while (true) {
      const auto document = cursor.next();
      if (!document.ok()) return document.error();
      if (document->empty()) break;
      found(*document);
    }
    newest = std::max(newest, cursor.operation_time());
  }
  return newest;
}

Result<bool> MongoReader::sorts_bounded_scans() {
  if (sorts_bounded_scans_.has_value()) return *sorts_bounded_scans_;
  auto server = session_->select_primary();
  if (!server.ok()) return server.error();
  const auto facts = session_->facts(*server);
  if (!facts.ok()) return facts.error();
  sorts_bounded_scans_ = facts->sorts_bounded_scans;
  return facts->sorts_bounded_scans;
}

Result<std::unique_ptr<DocumentCursor>> MongoReader::scan(const Namespace& ns, const IdRange& range) {
  const bool bounded = !range.min.empty() || !range.max.empty();
  ScanForm form;
  if (bounded) {
    const auto sorts = sorts_bounded_scans();
    if (!sorts.ok()) return sorts.error();
    form.sorts_by_id_alone = *sorts;
  }
  while (true) {
    BsonDoc command;
    DUALSYNC_TRY(build_scan(ns, range, form, &command));
    auto cursor = std::make_unique<CommandCursor>(session_, ns.db, fmt::format("scan {}", ns.full()));
    const Result<void> started = cursor->start(command, kScanBatch);
    if (started.ok()) return std::unique_ptr<DocumentCursor>(std::make_unique<ScanCursor>(std::move(cursor)));
    // min and max need the index; without bounds a sort gives the same order.
    if (bounded || !form.with_hint || !hint_refused(started.error())) return started.error();
    form.with_hint = false;
  }
}

Result<std::unique_ptr<DocumentCursor>> MongoReader::scan_by_time(const Namespace& ns, const std::string& field) {
  BsonDoc command;
  append_text(command.get(), "find", ns.collection);
  BsonDoc sort;
  BSON_APPEND_INT32(sort.get(), field.c_str(), 1);
  append_document(command.get(), "sort", sort.bytes());
  BSON_APPEND_BOOL(command.get(), "allowDiskUse", true);
  BSON_APPEND_INT32(command.get(), "batchSize", kScanBatch);
  append_majority_read_concern(&command, OpTime{});
  auto cursor = std::make_unique<CommandCursor>(session_, ns.db, fmt::format("scan {}", ns.full()));
  DUALSYNC_TRY(cursor->start(command, kScanBatch));
  return {std::make_unique<ScanCursor>(std::move(cursor))};
}

Result<std::vector<std::string>> MongoReader::list_databases() {
  BsonDoc command;
  BSON_APPEND_INT32(command.get(), "listDatabases", 1);
  BSON_APPEND_BOOL(command.get(), "nameOnly", true);
  BSON_APPEND_BOOL(command.get(), "authorizedDatabases", true);
  BsonDoc reply;
  const auto server = session_->run_on_primary("admin", command, ErrorPlace::kCommand, "list the databases", &reply);
  if (!server.ok()) return server.error();
  std::vector<std::string> names;
  bson_iter_t databases;
  bson_iter_t entry;
  if (!bson_iter_init_find(&databases, reply.get(), "databases") || !bson_iter_recurse(&databases, &entry))
    return names;
  while (bson_iter_next(&entry)) {
    const auto document = iter_document(entry);
    const auto view = document.has_value() ? view_bson(*document) : std::nullopt;
    bson_iter_t name;
    if (view.has_value() && bson_iter_init_find(&name, &*view, "name"))
      names.emplace_back(iter_string(name).value_or(""));
  }
  return names;
}

Result<std::vector<CollectionInfo>> MongoReader::list_collections(const std::string& db) {
  BsonDoc command;
  BSON_APPEND_INT32(command.get(), "listCollections", 1);
  std::vector<CollectionInfo> collections;
  DUALSYNC_TRY(for_each(session_, db, command, fmt::format("list the collections of {}", db),
                        [&](std::string_view entry) { collections.push_back(read_collection_info(db, entry)); }));
  return collections;
}

Result<std::vector<std::string>> MongoReader::list_indexes(const Namespace& ns) {
  BsonDoc command;
  append_text(command.get(), "listIndexes", ns.collection);
  std::vector<std::string> indexes;
  const Result<void> listed = for_each(session_, ns.db, command, fmt::format("list the indexes of {}", ns.full()),
                                       [&](std::string_view entry) { indexes.emplace_back(entry); });
  if (listed.ok()) return indexes;
  const int code = listed.error().code;
  if (code == kCodeNamespaceNotFound || code == kCodeViewNotSupported) return std::vector<std::string>{};
  return listed.error();
}

Result<std::uint64_t> MongoReader::estimated_count(const Namespace& ns) {
  BsonDoc command;
  append_text(command.get(), "count", ns.collection);
  BsonDoc reply;
  const auto server =
      session_->run_on_primary(ns.db, command, ErrorPlace::kCommand, fmt::format("count {}", ns.full()), &reply);
  if (!server.ok()) {
    if (server.error().code == kCodeNamespaceNotFound) return std::uint64_t{0};
    return server.error();
  }
  bson_iter_t iter;
  if (!bson_iter_init_find(&iter, reply.get(), "n")) return std::uint64_t{0};
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, bson_iter_as_int64(&iter)));
}

Result<std::vector<std::string>> MongoReader::split_points(const Namespace& ns, std::size_t parts) {
  if (parts < 2) return std::vector<std::string>{};
  BsonDoc command;
  build_sample(ns, parts * kSamplesPerPart, &command);
  std::vector<std::string> samples;
  DUALSYNC_TRY(for_each(session_, ns.db, command, fmt::format("sample {}", ns.full()),
                        [&](std::string_view entry) { samples.emplace_back(entry); }));
  // $sample may return a document twice.
  samples.erase(std::unique(samples.begin(), samples.end()), samples.end());
  std::vector<std::string> points;
  for (std::size_t part = 1; part < parts && !samples.empty(); ++part) {
    const std::string& point = samples[part * samples.size() / parts];
    if (points.empty() ? point != samples.front() : point != points.back()) points.push_back(point);
  }
  return points;
}

Result<RangeDigest> MongoReader::digest(const Namespace& ns, const IdRange& range) {
  const auto unsupported = [&](const std::string& why) {
    return Error{ErrorKind::kUnsupported, fmt::format("no digests of {}: {}", ns.full(), why), "", 0};
  };
  auto server = session_->select_primary();
  if (!server.ok()) return server.error();
  const auto facts = session_->known_facts(*server);
  if (!facts.ok()) return facts.error();
  if (!facts->at_least(5, 0)) return unsupported("the server is older than 5.0");
  BsonDoc command;
  DUALSYNC_TRY(build_digest_command(ns, range, &command));
  RangeDigest digest;
  const Result<void> answered = for_each(session_, ns.db, command, fmt::format("digest of {}", ns.full()),
                                         [&](std::string_view document) { digest = read_digest(document); });
  if (answered.ok()) return digest;
  const ErrorKind kind = answered.error().kind;
  const bool passing = kind == ErrorKind::kConnectivity || kind == ErrorKind::kStopped || kind == ErrorKind::kThrottled;
  return passing ? answered.error() : unsupported(answered.error().message);
}

Result<bool> MongoReader::is_empty(const Namespace& ns) {
  BsonDoc command;
  append_text(command.get(), "find", ns.collection);
  append_id_pattern(command.get(), "projection");
  BSON_APPEND_INT32(command.get(), "limit", 1);
  BSON_APPEND_BOOL(command.get(), "singleBatch", true);
  append_majority_read_concern(&command, OpTime{});
  bool empty = true;
  DUALSYNC_TRY(for_each(session_, ns.db, command, fmt::format("look into {}", ns.full()),
                        [&](std::string_view /*document*/) { empty = false; }));
  return empty;
}

Result<OpTime> MongoReader::cluster_time() {
  auto server = session_->select_primary();
  if (!server.ok()) return server.error();
  const auto facts = session_->facts(*server);
  if (!facts.ok()) return facts.error();
  if (facts->operation_time.is_null()) {
    return Error{ErrorKind::kUnsupported, fmt::format("{}: a standalone server has no cluster time", session_->hosts()),
                 "Turn it into a replica set of one node: `dualsync doctor` prints the steps.", 0};
  }
  return facts->operation_time;
}

Result<std::int64_t> MongoReader::oplog_window_seconds() {
  const auto newest = cluster_time();
  if (!newest.ok()) return newest.error();
  BsonDoc command;
  BSON_APPEND_UTF8(command.get(), "find", "oplog.rs");
  bson_t natural;
  bson_append_document_begin(command.get(), "sort", -1, &natural);
  BSON_APPEND_INT32(&natural, "$natural", 1);
  bson_append_document_end(command.get(), &natural);
  BSON_APPEND_INT32(command.get(), "limit", 1);
  BSON_APPEND_BOOL(command.get(), "singleBatch", true);
  OpTime oldest;
  DUALSYNC_TRY(for_each(session_, "local", command, "read the oplog's oldest entry", [&](std::string_view entry) {
    if (const auto view = view_bson(entry); view.has_value()) oldest = timestamp_at(*view, "ts");
  }));
  if (oldest.is_null()) {
    return Error{ErrorKind::kUnsupported, fmt::format("{}: no oplog to be read", session_->hosts()),
                 "The user needs `read` on the database `local`; a mongos has no oplog of its own.", 0};
  }
  return std::max<std::int64_t>(0, static_cast<std::int64_t>(newest->t) - static_cast<std::int64_t>(oldest.t));
}

Result<void> MongoReader::ping() {
  BsonDoc command;
  BSON_APPEND_INT32(command.get(), "ping", 1);
  BsonDoc reply;
  const auto server = session_->run_on_primary("admin", command, ErrorPlace::kCommand, "ping", &reply);
  if (!server.ok()) return server.error();
  return {};
}

}  // namespace dualsync
