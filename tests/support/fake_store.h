// A MongoDB of one's own in memory: documents by canonical key, with the answers of a server that the pipeline relies
// on. The contract suites hold the real thing to the same answers.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "dualsync/codec/bson.h"
#include "dualsync/codec/bson_compare.h"
#include "dualsync/codec/document_key.h"
#include "dualsync/codec/measurement.h"
#include "dualsync/ports/sides.h"
#include "support/fake_schema.h"
#include "support/fake_server.h"

namespace dualsync::test {

class FakeCursor final : public DocumentCursor {
 public:
  explicit FakeCursor(Documents documents) : documents_(std::move(documents)), at_(documents_.begin()) {}
  Result<std::string_view> next() override {
    if (at_ == documents_.end()) return std::string_view();
    return std::string_view((at_++)->second);
  }

 private:
  const Documents documents_;
  Documents::const_iterator at_;
};

class FakeSeriesCursor final : public DocumentCursor {
 public:
  FakeSeriesCursor(std::vector<std::string> measurements, const std::string& field)
      : measurements_(std::move(measurements)) {
    std::stable_sort(measurements_.begin(), measurements_.end(), [&](const std::string& a, const std::string& b) {
      return measurement_time(a, field) < measurement_time(b, field);
    });
  }
  Result<std::string_view> next() override {
    if (at_ == measurements_.size()) return std::string_view();
    return std::string_view(measurements_[at_++]);
  }

 private:
  std::vector<std::string> measurements_;
  std::size_t at_ = 0;
};

class FakeReader : public DocumentReader {
 public:
  explicit FakeReader(FakeServer& server) : server_(server) {}
  Result<OpTime> find_by_ids(const Namespace& ns, std::span<const std::string_view> keys, OpTime,
                             const std::function<void(std::string_view)>& found) override {
    if (server_.down) return unreachable();
    for (const std::string_view key : keys) {
      if (const auto document = server_.get(ns, std::string(key))) found(*document);
    }
    return server_.time;
  }
  Result<std::unique_ptr<DocumentCursor>> scan(const Namespace& ns, const IdRange& range) override {
    if (server_.down) return unreachable();
    ++server_.scans;
    const Documents& all = server_.documents(ns);
    const auto [begin, end] = bounds_of(all, range);
    return std::unique_ptr<DocumentCursor>(std::make_unique<FakeCursor>(Documents(begin, end)));
  }
  Result<std::unique_ptr<DocumentCursor>> scan_by_time(const Namespace& ns, const std::string& field) override {
    if (server_.down) return unreachable();
    ++server_.scans;
    return std::unique_ptr<DocumentCursor>(std::make_unique<FakeSeriesCursor>(server_.series[ns], field));
  }
  Result<RangeDigest> digest(const Namespace& ns, const IdRange& range) override {
    if (server_.down) return unreachable();
    if (!server_.digests) return no_digests();
    RangeDigest digest;
    const auto [begin, end] = bounds_of(server_.documents(ns), range);
    for (auto at = begin; at != end; ++at) {
      const std::uint64_t hash = std::hash<std::string>()(at->second);
      ++digest.documents;
      digest.bytes += at->second.size();
      digest.low += static_cast<std::int64_t>(hash & 0xffffffffU);
      digest.high += static_cast<std::int64_t>(hash >> 32U);
    }
    return digest;
  }
  Result<std::vector<std::string>> list_databases() override {
    std::set<std::string> names;
    for (const auto& [ns, documents] : server_.data) names.insert(ns.db);
    return std::vector<std::string>(names.begin(), names.end());
  }
  Result<std::vector<CollectionInfo>> list_collections(const std::string& db) override {
    if (server_.down) return unreachable();
    std::vector<CollectionInfo> found;
    for (const auto& [ns, documents] : server_.data) {
      if (ns.db == db) found.push_back(server_.info_of(ns));
    }
    return found;
  }
  Result<std::vector<std::string>> list_indexes(const Namespace& ns) override {
    std::vector<std::string> indexes;
    if (!server_.data.contains(ns)) return indexes;
    BsonDoc index;
    bson_t key;
    BSON_APPEND_INT32(index.get(), "v", 2);
    bson_append_document_begin(index.get(), "key", -1, &key);
    BSON_APPEND_INT32(&key, "_id", 1);
    bson_append_document_end(index.get(), &key);
    BSON_APPEND_UTF8(index.get(), "name", "_id_");
    indexes.push_back(index.str());
    if (const auto more = server_.indexes.find(ns); more != server_.indexes.end())
      indexes.insert(indexes.end(), more->second.begin(), more->second.end());
    return indexes;
  }
  Result<std::uint64_t> estimated_count(const Namespace& ns) override {
    if (server_.down) return unreachable();
    return static_cast<std::uint64_t>(server_.documents(ns).size());
  }
  Result<std::vector<std::string>> split_points(const Namespace& ns, std::size_t parts) override {
    std::vector<std::string> points;
    if (!server_.digests) return points;
    const Documents& all = server_.documents(ns);
    std::size_t place = 0;
    for (const auto& [key, document] : all) {
      if (place > 0 && place % (all.size() / parts + 1) == 0) points.push_back(key);
      ++place;
    }
    return points;
  }
  Result<bool> is_empty(const Namespace& ns) override { return server_.documents(ns).empty(); }
  Result<OpTime> cluster_time() override { return server_.time; }
  Result<std::int64_t> oplog_window_seconds() override { return std::int64_t{3600}; }
  Result<void> ping() override { return server_.down ? Result<void>(unreachable()) : Result<void>(); }

 private:
  static std::pair<Documents::const_iterator, Documents::const_iterator> bounds_of(const Documents& all,
                                                                                   const IdRange& range) {
    return {range.min.empty() ? all.begin() : all.lower_bound(range.min),
            range.max.empty() ? all.end() : all.lower_bound(range.max)};
  }

  FakeServer& server_;
};

class FakeWriter final : public BackupWriter {
 public:
  explicit FakeWriter(FakeServer& server) : server_(server), reader_(server) {}

  Result<std::vector<WriteOutcome>> write(const Namespace& ns, std::span<const WriteItem> items) override {
    const std::lock_guard alone(*server_.writing);
    if (server_.down) {
      unanswered_ = true;
      return unreachable();
    }
    if (server_.refuse_command && items.size() > 1) {
      for (const WriteItem& item : items) {
        if (server_.refused.contains(std::string(item.payload)))
          return Error{ErrorKind::kRefused, "command refused", "", 2};
      }
    }
    std::vector<WriteOutcome> outcomes(items.size());
    for (const auto kind :
         {WriteItem::Kind::kDelete, WriteItem::Kind::kReplace, WriteItem::Kind::kDelta, WriteItem::Kind::kInsert}) {
      for (std::size_t i = 0; i < items.size(); ++i) {
        if (items[i].kind == kind) outcomes[i] = apply(ns, items[i]);
      }
    }
    return outcomes;
  }
  Result<std::vector<WriteOutcome>> write_atomically(const Namespace& ns, std::span<const WriteItem> items) override {
    const auto before = server_.data;
    auto outcomes = write(ns, items);
    if (outcomes && std::any_of(outcomes->begin(), outcomes->end(), [](const WriteOutcome& one) { return !one.ok; }))
      server_.data = before;
    return outcomes;
  }
  Result<void> remove_all(const Namespace& ns, std::span<const std::string_view> keys) override {
    if (server_.down) return unreachable();
    if (server_.keeps_measurements) return Error{ErrorKind::kRefused, "only by its meta field", "", 72};
    for (const std::string_view key : keys) {
      std::erase_if(server_.series[ns], [&](const std::string& one) { return holds_all(one, key); });
    }
    return {};
  }
  Result<std::vector<std::string>> find_equal(const Namespace& ns, std::string_view fields) override {
    std::vector<std::string> keys;
    bson_iter_t field;
    DUALSYNC_CHECK(iterate_bson(fields, &field) && bson_iter_next(&field));
    for (const auto& [key, document] : server_.documents(ns)) {
      if (field_of(document, bson_iter_key(&field)) == field_of(fields, bson_iter_key(&field))) keys.push_back(key);
    }
    return keys;
  }
  bool settled() const override { return !unanswered_; }
  Result<void> settle() override {
    if (server_.down) return unreachable();
    if (unanswered_) server_.log.push_back("settle");
    unanswered_ = false;
    return {};
  }
  std::uint64_t bytes_sent() const override { return 0; }
  DocumentReader& reader() override { return reader_; }

 private:
  static WriteOutcome failure(ErrorKind kind, int code) {
    WriteOutcome outcome;
    outcome.ok = false;
    outcome.error = {kind, "refused by the fake", "", code};
    return outcome;
  }

  // {name: value} of a document, empty if it has no such field.
  static std::string field_of(std::string_view document, const char* name) {
    bson_iter_t iter;
    if (!find_field(document, name, &iter)) return {};
    BsonDoc field;
    bson_append_iter(field.get(), name, -1, &iter);
    return field.str();
  }

  static bool holds_all(const std::string& document, std::string_view fields) {
    bson_iter_t field;
    DUALSYNC_CHECK(iterate_bson(fields, &field));
    while (bson_iter_next(&field)) {
      if (field_of(document, bson_iter_key(&field)) != field_of(fields, bson_iter_key(&field))) return false;
    }
    return true;
  }

  // Fields of the document itself, each of which must be there; false: nothing has changed.
  static bool apply_delta(std::string_view change, bool loose, std::string* document) {
    std::map<std::string, bson_iter_t> set;
    std::set<std::string> removed;
    bson_iter_t part;
    bson_iter_t field;
    if (find_field(change, "updatedFields", &part) && bson_iter_recurse(&part, &field)) {
      while (bson_iter_next(&field)) set[bson_iter_key(&field)] = field;
    }
    if (find_field(change, "removedFields", &part) && bson_iter_recurse(&part, &field)) {
      while (bson_iter_next(&field)) removed.insert(std::string(iter_string(field).value_or("")));
    }
    BsonDoc after;
    DUALSYNC_CHECK(iterate_bson(*document, &field));
    while (bson_iter_next(&field)) {
      const std::string name = bson_iter_key(&field);
      const auto changed = set.find(name);
      if (removed.contains(name)) continue;
      bson_append_iter(after.get(), name.c_str(), -1, changed == set.end() ? &field : &changed->second);
      if (changed != set.end()) set.erase(changed);
    }
    if (!set.empty() && !loose) return false;
    for (const auto& [name, value] : set) bson_append_iter(after.get(), name.c_str(), -1, &value);
    const bool changes = *document != after.bytes();
    *document = after.str();
    return changes || loose;
  }

  std::optional<WriteOutcome> collision(const Documents& documents, const WriteItem& item) const {
    for (const std::string& name : server_.unique) {
      for (const auto& [key, document] : documents) {
        const std::string value = field_of(document, name.c_str());
        if (value != field_of(item.payload, name.c_str()) || compare_ids(key, item.document_key) == 0) continue;
        WriteOutcome outcome = failure(ErrorKind::kDuplicateKey, 11000);
        outcome.collision = value;
        return outcome;
      }
    }
    return std::nullopt;
  }

  WriteOutcome apply(const Namespace& ns, const WriteItem& item) {
    if (const auto series = server_.series.find(ns); series != server_.series.end()) {
      DUALSYNC_CHECK(item.kind == WriteItem::Kind::kInsert);
      if (server_.refused.contains(std::string(item.payload))) return failure(ErrorKind::kRefused, 121);
      series->second.emplace_back(item.payload);
      return {};
    }
    Documents& documents = server_.data[ns];
    const std::string key(item.document_key);
    const auto found = documents.find(key);
    const bool whole = item.kind == WriteItem::Kind::kInsert || item.kind == WriteItem::Kind::kReplace;
    if (server_.full && item.kind != WriteItem::Kind::kDelete) return failure(ErrorKind::kQuota, 8000);
    if (whole) {
      if (auto taken = collision(documents, item)) return *taken;
    }
    if (server_.refused.contains(std::string(item.payload))) return failure(ErrorKind::kRefused, 121);
    switch (item.kind) {
      case WriteItem::Kind::kInsert: {
        if (found != documents.end()) {
          WriteOutcome outcome = failure(ErrorKind::kDuplicateKey, 11000);
          outcome.duplicate_id = true;
          return outcome;
        }
        server_.put(ns, std::string(item.payload));
        server_.log.push_back("insert");
        return {};
      }
      case WriteItem::Kind::kReplace:
        if (server_.dollar_names) return failure(ErrorKind::kHeal, 52);
        // The `_id`'s bytes cannot change by a replace.
        if (found != documents.end() && found->first != key) return failure(ErrorKind::kHeal, 66);
        server_.put(ns, std::string(item.payload));
        server_.log.push_back("replace");
        return {};
      case WriteItem::Kind::kDelta:
        if (found == documents.end() || !apply_delta(item.payload, item.loose, &found->second))
          return failure(ErrorKind::kHeal, 0);
        server_.log.push_back("delta");
        return {};
      case WriteItem::Kind::kDelete:
        if (found != documents.end()) documents.erase(found);
        server_.log.push_back("delete");
        return {};
    }
    return {};
  }

  FakeServer& server_;
  FakeReader reader_;
  bool unanswered_ = false;
};

class FakeLocal final : public LocalSide {
 public:
  explicit FakeLocal(FakeServer& server) : server_(server) {}
  std::unique_ptr<ChangeSource> make_change_source() override { return nullptr; }
  std::unique_ptr<DocumentReader> make_reader() override { return std::make_unique<FakeReader>(server_); }

 private:
  FakeServer& server_;
};

class FakeBackup final : public BackupSide {
 public:
  explicit FakeBackup(FakeServer& server) : server_(server) {}
  std::unique_ptr<DocumentReader> make_reader() override { return std::make_unique<FakeReader>(server_); }
  std::unique_ptr<BackupWriter> make_writer() override { return std::make_unique<FakeWriter>(server_); }
  std::unique_ptr<SchemaWriter> make_schema_writer() override { return std::make_unique<FakeSchemaWriter>(server_); }

 private:
  FakeServer& server_;
};

}  // namespace dualsync::test
