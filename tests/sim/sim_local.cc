#include "sim/sim_local.h"

#include "dualsync/codec/bson.h"

namespace dualsync::sim {
namespace {

class SimSource final : public ChangeSource {
 public:
  explicit SimSource(SimLocal& local) : local_(local) {}

  Result<Position> open(const Position& from) override {
    if (local_.link().fails()) return unreachable();
    at_ = from.empty() ? local_.time() : from.time;
    if (at_ < local_.oldest()) return lost();
    return position();
  }
  Result<ChangeBatch> next(std::stop_token stop) override {
    if (stop.stop_requested() || local_.batches_allowed <= 0) return Error{ErrorKind::kStopped, "stopped", "", 0};
    --local_.batches_allowed;
    local_.link().meanwhile();
    if (local_.link().fails()) return unreachable();
    if (at_ < local_.oldest()) return lost();
    held_.clear();
    ChangeBatch batch;
    bool more = false;
    for (const auto& entry : local_.oplog()) {
      if (entry.time <= at_) continue;
      if (held_.size() == local_.batch_events) {
        more = true;
        break;
      }
      held_.push_back(entry);
    }
    for (const auto& entry : held_) batch.events.push_back(entry.event);
    at_ = more ? held_.back().time : local_.time();
    batch.position = position();
    return batch;
  }
  void close() override {}

 private:
  static Error lost() { return {ErrorKind::kPositionLost, "the oplog no longer holds it", "", 286}; }
  Position position() const { return {"token " + at_.to_string(), at_, false, "rs0"}; }

  SimLocal& local_;
  OpTime at_;
  std::vector<SimLocal::Entry> held_;
};

class SimCursor final : public DocumentCursor {
 public:
  SimCursor(Link& link, Data& data, Namespace ns, IdRange range)
      : link_(link), data_(data), ns_(std::move(ns)), range_(std::move(range)) {}
  Result<std::string_view> next() override {
    link_.meanwhile();
    if (link_.fails()) return unreachable();
    const auto collection = data_.find(ns_);
    if (collection == data_.end()) return std::string_view();
    const auto& documents = collection->second.documents;
    const auto it = !last_.empty()        ? documents.upper_bound(last_)
                    : !range_.min.empty() ? documents.lower_bound(range_.min)
                                          : documents.begin();
    if (it == documents.end()) return std::string_view();
    if (!range_.max.empty() && compare_ids(it->first, range_.max) >= 0) return std::string_view();
    last_ = it->first;
    document_ = it->second;
    return std::string_view(document_);
  }

 private:
  Link& link_;
  Data& data_;
  const Namespace ns_;
  const IdRange range_;
  std::string last_;
  std::string document_;
};

std::string id_index() {
  BsonDoc index;
  BSON_APPEND_INT32(index.get(), "v", 2);
  append_document(index.get(), "key", key_of({1, false}));
  BSON_APPEND_UTF8(index.get(), "name", "_id_");
  return index.str();
}

class SimReader final : public DocumentReader {
 public:
  SimReader(Link& link, Data& data, std::function<OpTime()> time) : link_(link), data_(data), time_(std::move(time)) {}

  Result<OpTime> find_by_ids(const Namespace& ns, std::span<const std::string_view> keys, OpTime,
                             const std::function<void(std::string_view)>& found) override {
    link_.meanwhile();
    if (link_.fails()) return unreachable();
    for (const std::string_view key : keys) {
      const auto collection = data_.find(ns);
      if (collection == data_.end()) break;
      const auto document = collection->second.documents.find(std::string(key));
      if (document != collection->second.documents.end()) found(document->second);
    }
    const OpTime read = time_();
    link_.meanwhile();
    return read;
  }
  Result<std::unique_ptr<DocumentCursor>> scan(const Namespace& ns, const IdRange& range) override {
    if (link_.fails()) return unreachable();
    return std::unique_ptr<DocumentCursor>(std::make_unique<SimCursor>(link_, data_, ns, range));
  }
  Result<std::vector<std::string>> list_databases() override {
    if (link_.fails()) return unreachable();
    std::vector<std::string> names;
    for (const auto& [ns, collection] : data_) {
      if (names.empty() || names.back() != ns.db) names.push_back(ns.db);
    }
    return names;
  }
  Result<std::vector<CollectionInfo>> list_collections(const std::string& db) override {
    link_.meanwhile();
    if (link_.fails()) return unreachable();
    std::vector<CollectionInfo> found;
    const std::string empty("\x05\0\0\0\0", 5);
    for (const auto& [ns, collection] : data_) {
      if (ns.db == db) found.push_back({ns, CollectionInfo::Type::kCollection, empty, collection.uuid});
    }
    return found;
  }
  Result<std::vector<std::string>> list_indexes(const Namespace& ns) override {
    if (link_.fails()) return unreachable();
    std::vector<std::string> indexes;
    if (data_.contains(ns)) indexes.push_back(id_index());
    return indexes;
  }
  Result<std::uint64_t> estimated_count(const Namespace& ns) override {
    if (link_.fails()) return unreachable();
    const auto found = data_.find(ns);
    return std::uint64_t{found == data_.end() ? 0 : found->second.documents.size()};
  }
  Result<std::vector<std::string>> split_points(const Namespace&, std::size_t) override {
    return std::vector<std::string>();
  }
  Result<RangeDigest> digest(const Namespace&, const IdRange&) override { return no_digests(); }
  Result<bool> is_empty(const Namespace& ns) override {
    if (link_.fails()) return unreachable();
    const auto found = data_.find(ns);
    return found == data_.end() || found->second.documents.empty();
  }
  Result<OpTime> cluster_time() override { return time_(); }
  Result<std::int64_t> oplog_window_seconds() override { return std::int64_t{3600}; }
  Result<void> ping() override { return link_.fails() ? Result<void>(unreachable()) : Result<void>(); }

 private:
  Link& link_;
  Data& data_;
  const std::function<OpTime()> time_;
};

void append_uuid(bson_t* to, const char* name, const std::string& uuid) {
  bson_append_binary(to, name, -1, BSON_SUBTYPE_UUID, reinterpret_cast<const std::uint8_t*>(uuid.data()),
                     static_cast<std::uint32_t>(uuid.size()));
}

void append_ns(bson_t* to, const char* name, const Namespace& ns) {
  bson_t child;
  bson_append_document_begin(to, name, -1, &child);
  BSON_APPEND_UTF8(&child, "db", ns.db.c_str());
  BSON_APPEND_UTF8(&child, "coll", ns.collection.c_str());
  bson_append_document_end(to, &child);
}

}  // namespace

std::unique_ptr<DocumentReader> make_sim_reader(Link& link, Data& data, std::function<OpTime()> time) {
  return std::make_unique<SimReader>(link, data, std::move(time));
}

std::unique_ptr<ChangeSource> SimLocal::make_change_source() { return std::make_unique<SimSource>(*this); }

std::unique_ptr<DocumentReader> SimLocal::make_reader() {
  return make_sim_reader(link_, data_, [this] { return time_; });
}

std::string SimLocal::uuid_of(const Namespace& ns) const {
  const auto found = data_.find(ns);
  return !uuids_in_events || found == data_.end() ? "" : found->second.uuid;
}

// Often several writes in one second, as on a server.
OpTime SimLocal::tick() {
  time_ = link_.random->chance(20) ? OpTime{time_.t + 1, 1} : OpTime{time_.t, time_.i + 1};
  return time_;
}

const std::string* SimLocal::get(const Namespace& ns, Id id) const {
  const auto collection = data_.find(ns);
  if (collection == data_.end()) return nullptr;
  const auto found = collection->second.documents.find(key_of(id));
  return found == collection->second.documents.end() ? nullptr : &found->second;
}

void SimLocal::set(const Namespace& ns, Id id, const std::string& document, bool inserted) {
  auto& documents = data_[ns].documents;
  documents.erase(key_of(id));
  if (!document.empty()) documents[key_of(id)] = document;
  history_[{ns, id.number}].push_back({time_, document, inserted});
}

void SimLocal::log_event(const std::string& type, const Namespace& ns, const std::string& uuid,
                         const std::function<void(void*)>& rest) {
  BsonDoc event;
  BSON_APPEND_UTF8(event.get(), "operationType", type.c_str());
  BSON_APPEND_TIMESTAMP(event.get(), "clusterTime", time_.t, time_.i);
  append_ns(event.get(), "ns", ns);
  if (!uuid.empty()) append_uuid(event.get(), "collectionUUID", uuid);
  rest(event.get());
  oplog_.push_back({time_, event.str()});
}

void SimLocal::create(const Namespace& ns) {
  if (data_.contains(ns)) return;
  tick();
  std::string uuid = "collection " + std::to_string(1000 + ++collections_);
  uuid.resize(16, '-');
  data_[ns].uuid = uuid;
  log_event("create", ns, uuid_of(ns), [](void*) {});
}

void SimLocal::insert(const Namespace& ns, Id id, const Fields& fields) {
  create(ns);
  tick();
  const std::string document = encode(id, fields);
  set(ns, id, document, true);
  log_event("insert", ns, uuid_of(ns), [&](void* event) {
    append_document(static_cast<bson_t*>(event), "documentKey", key_of(id));
    append_document(static_cast<bson_t*>(event), "fullDocument", document);
  });
}

void SimLocal::replace(const Namespace& ns, Id id, const Fields& fields) {
  tick();
  const std::string document = encode(id, fields);
  set(ns, id, document, false);
  log_event("replace", ns, uuid_of(ns), [&](void* event) {
    append_document(static_cast<bson_t*>(event), "documentKey", key_of(id));
    append_document(static_cast<bson_t*>(event), "fullDocument", document);
  });
}

void SimLocal::update(const Namespace& ns, Id id, const Fields& changes, const std::vector<std::string>& removed,
                      bool opaque) {
  Fields fields = decode(*get(ns, id));
  for (const std::string& name : removed) std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  for (const auto& [name, value] : changes) {
    if (int* there = find(&fields, name)) {
      *there = value;
    } else {
      fields.emplace_back(name, value);
    }
  }
  tick();
  set(ns, id, encode(id, fields), false);
  log_event("update", ns, uuid_of(ns), [&](void* event) {
    auto* to = static_cast<bson_t*>(event);
    append_document(to, "documentKey", key_of(id));
    bson_t description;
    bson_t child;
    bson_append_document_begin(to, "updateDescription", -1, &description);
    bson_append_document_begin(&description, "updatedFields", -1, &child);
    for (const auto& [name, value] : changes) BSON_APPEND_INT32(&child, name.c_str(), value);
    bson_append_document_end(&description, &child);
    bson_append_array_begin(&description, "removedFields", -1, &child);
    for (std::size_t i = 0; i < removed.size(); ++i)
      BSON_APPEND_UTF8(&child, std::to_string(i).c_str(), removed[i].c_str());
    bson_append_array_end(&description, &child);
    bson_append_array_begin(&description, "truncatedArrays", -1, &child);
    if (opaque) BSON_APPEND_UTF8(&child, "0", "list");
    bson_append_array_end(&description, &child);
    bson_append_document_end(to, &description);
    if (post_images) append_document(to, "fullDocument", *get(ns, id));
  });
}

void SimLocal::remove(const Namespace& ns, Id id) {
  tick();
  set(ns, id, "", false);
  log_event("delete", ns, uuid_of(ns),
            [&](void* event) { append_document(static_cast<bson_t*>(event), "documentKey", key_of(id)); });
}

void SimLocal::rename(const Namespace& from, const Namespace& to) {
  tick();
  Collection moved = std::move(data_[from]);
  const bool drops = data_.contains(to);
  const std::string replaced = uuid_of(to);
  if (drops) {
    for (const auto& [key, document] : data_[to].documents)
      history_[{to, id_of(document).number}].push_back({time_, "", false});
  }
  for (const auto& [key, document] : moved.documents) {
    history_[{from, id_of(document).number}].push_back({time_, "", false});
    history_[{to, id_of(document).number}].push_back({time_, document, false, from});
  }
  std::vector<int> gone;  // was in there once
  for (const auto& [at, versions] : history_) {
    if (at.first == from && versions.back().time < time_) gone.push_back(at.second);
  }
  for (const int id : gone) history_[{to, id}].push_back({time_, "", false, from});
  data_.erase(from);
  data_[to] = std::move(moved);
  log_event("rename", from, uuid_of(to), [&](void* event) {
    auto* bson = static_cast<bson_t*>(event);
    append_ns(bson, "to", to);
    bson_t description;
    bson_append_document_begin(bson, "operationDescription", -1, &description);
    append_ns(&description, "to", to);
    if (drops) append_uuid(&description, "dropTarget", replaced);
    bson_append_document_end(bson, &description);
  });
}

void SimLocal::drop(const Namespace& ns) {
  tick();
  for (const auto& [key, document] : data_[ns].documents)
    history_[{ns, id_of(document).number}].push_back({time_, "", false});
  const std::string uuid = uuid_of(ns);
  data_.erase(ns);
  log_event("drop", ns, uuid, [](void*) {});
}

void SimLocal::roll_over(std::size_t keep) {
  while (oplog_.size() > keep) {
    oldest_ = oplog_.front().time;
    oplog_.pop_front();
  }
}

}  // namespace dualsync::sim
