#include "dualsync/mongo/kept_schema.h"

#include <algorithm>
#include <array>
#include <optional>

namespace dualsync {
namespace {

constexpr int kTries = 10;
constexpr std::array<std::string_view, 4> kKeptOptions = {"capped", "size", "max", "expireAfterSeconds"};
constexpr const char* kTtl = "expireAfterSeconds";

std::string id_of(const Namespace& ns) { return "schema/" + ns.full(); }

std::string encode(const std::string& id, std::int64_t revision, const TrueSchema& schema) {
  BsonDoc out;
  append_text(out.get(), "_id", id);
  BSON_APPEND_INT64(out.get(), "revision", revision);
  append_document(out.get(), "options", schema.options.empty() ? BsonDoc().bytes() : std::string_view(schema.options));
  bson_t indexes;
  bson_append_array_begin(out.get(), "indexes", -1, &indexes);
  std::size_t i = 0;
  for (const auto& [name, seconds] : schema.ttl_seconds) {
    bson_t index;
    bson_append_document_begin(&indexes, std::to_string(i++).c_str(), -1, &index);
    append_text(&index, "name", name);
    BSON_APPEND_INT64(&index, kTtl, seconds);
    bson_append_document_end(&indexes, &index);
  }
  bson_append_array_end(out.get(), &indexes);
  return out.str();
}

TrueSchema decode(std::string_view bytes) {
  TrueSchema schema;
  bson_iter_t iter;
  if (find_field(bytes, "options", &iter)) {
    const std::string_view options = iter_document(iter).value_or(std::string_view());
    if (options.size() > kSmallestBson) schema.options = options;
  }
  bson_iter_t entry;
  if (!find_field(bytes, "indexes", &iter) || !bson_iter_recurse(&iter, &entry)) return schema;
  while (bson_iter_next(&entry)) {
    const std::string_view index = iter_document(entry).value_or(std::string_view());
    schema.ttl_seconds[text_of(index, "name")] = number_of(index, kTtl);
  }
  return schema;
}

// What a change would repair silently must not be restored silently: TTLs and sizes would be missing.
bool well_formed(std::string_view bytes) {
  bson_iter_t iter;
  bson_iter_t entry;
  if (!find_field(bytes, "options", &iter) || !BSON_ITER_HOLDS_DOCUMENT(&iter)) return false;
  if (!find_field(bytes, "indexes", &iter) || !BSON_ITER_HOLDS_ARRAY(&iter) || !bson_iter_recurse(&iter, &entry))
    return false;
  while (bson_iter_next(&entry)) {
    const std::string_view index = iter_document(entry).value_or(std::string_view());
    bson_iter_t seconds;
    if (text_of(index, "name").empty() || !find_field(index, kTtl, &seconds) || !BSON_ITER_HOLDS_NUMBER(&seconds))
      return false;
  }
  return true;
}

std::string kept_options(std::string_view options) {
  BsonDoc kept;
  bson_iter_t iter;
  if (!iterate_bson(options, &iter)) return {};
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (std::find(kKeptOptions.begin(), kKeptOptions.end(), name) == kKeptOptions.end()) continue;
    if (BSON_ITER_HOLDS_BOOL(&iter) && !bson_iter_bool(&iter)) continue;  // `capped: false` says nothing
    bson_append_iter(kept.get(), bson_iter_key(&iter), -1, &iter);
  }
  return bson_empty(kept.get()) ? std::string() : kept.str();
}

std::optional<std::int64_t> ttl_of(std::string_view definition) {
  bson_iter_t iter;
  if (!find_field(definition, kTtl, &iter) || !BSON_ITER_HOLDS_NUMBER(&iter)) return std::nullopt;
  return bson_iter_as_int64(&iter);
}

void set_ttl(std::string_view definition, TrueSchema* schema) {
  const std::string name = text_of(definition, "name");
  if (const auto seconds = ttl_of(definition)) {
    schema->ttl_seconds[name] = *seconds;
  } else {
    schema->ttl_seconds.erase(name);
  }
}

constexpr std::array<std::pair<const char*, const char*>, 4> kKeptChanges = {
    {{"capped", ""}, {"size", "cappedSize"}, {"max", "cappedMax"}, {kTtl, kTtl}}};

bool changes_kept_options(std::string_view changes) {
  bson_iter_t iter;
  return std::any_of(kKeptChanges.begin(), kKeptChanges.end(),
                     [&](const auto& each) { return *each.second != '\0' && find_field(changes, each.second, &iter); });
}

// `options` with the new size and number of a capped collection, or the new TTL of a time series or clustered one.
std::string changed_options(const std::string& options, std::string_view changes) {
  BsonDoc out;
  bson_iter_t iter;
  for (const auto& [name, change] : kKeptChanges) {
    if ((*change == '\0' || !find_field(changes, change, &iter)) && !find_field(options, name, &iter)) continue;
    if (BSON_ITER_HOLDS_UTF8(&iter)) continue;  // `expireAfterSeconds: "off"`
    bson_append_iter(out.get(), name, -1, &iter);
  }
  return bson_empty(out.get()) ? std::string() : out.str();
}

}  // namespace

Result<TrueSchema> MongoKeptSchemas::read(const Namespace& ns) {
  auto found = state_.find(id_of(ns));
  if (!found) return found.error();
  if (!found->empty() && !well_formed(*found)) {
    return Error{
        ErrorKind::kCorruption, "what is kept of " + ns.full() + " beside the lease is damaged",
        "its TTLs and sizes are not known; remove that record, and the next comparison with local keeps it anew", 0};
  }
  return decode(*found);
}

Result<void> MongoKeptSchemas::change(const Namespace& ns, const std::function<void(TrueSchema*)>& edit) {
  const std::string id = id_of(ns);
  for (int i = 0; i < kTries; ++i) {
    auto found = state_.find(id);
    if (!found) return found.error();
    const TrueSchema before = decode(*found);
    TrueSchema after = before;
    edit(&after);
    if (after == before) return {};
    const std::int64_t revision = number_of(*found, "revision");
    const std::string document = encode(id, revision + 1, after);
    BsonDoc query;
    append_text(query.get(), "_id", id);
    BSON_APPEND_INT64(query.get(), "revision", revision);
    auto done = found->empty() ? state_.insert(document, "keep a schema")
                               : state_.update(query.bytes(), document, false, "keep a schema");
    if (!done) return done.error();
    if (*done) return {};
  }
  return Error{ErrorKind::kConnectivity, "the schema kept for " + ns.full() + " is changed by others all the time", "",
               0};
}

Result<void> KeepingSchemaWriter::keep(const Namespace& ns, const std::function<void(TrueSchema*)>& edit) {
  if (gate_ != nullptr) DUALSYNC_TRY(gate_->may_write());
  return kept_->change(ns, edit);
}

Result<void> KeepingSchemaWriter::create_collection(const Namespace& ns, std::string_view options) {
  DUALSYNC_TRY(keep(ns, [&](TrueSchema* schema) { schema->options = kept_options(options); }));
  return writer_->create_collection(ns, options);
}

Result<void> KeepingSchemaWriter::create_index(const Namespace& ns, std::string_view definition) {
  DUALSYNC_TRY(keep(ns, [&](TrueSchema* schema) { set_ttl(definition, schema); }));
  return writer_->create_index(ns, definition);
}

Result<void> KeepingSchemaWriter::keep_indexes(const Namespace& ns, const std::vector<std::string>& definitions) {
  return keep(ns, [&](TrueSchema* schema) {
    schema->ttl_seconds.clear();
    for (const std::string& definition : definitions) set_ttl(definition, schema);
  });
}

Result<void> KeepingSchemaWriter::drop_index(const Namespace& ns, const std::string& name) {
  DUALSYNC_TRY(writer_->drop_index(ns, name));
  return keep(ns, [&](TrueSchema* schema) { schema->ttl_seconds.erase(name); });
}

Result<std::string> KeepingSchemaWriter::index_of(const Namespace& ns, std::string_view change) {
  if (std::string name = text_of(change, "name"); !name.empty()) return name;
  bson_iter_t iter;
  if (!find_field(change, "keyPattern", &iter)) return std::string();
  const std::string_view key = iter_document(iter).value_or(std::string_view());
  auto indexes = reader_->list_indexes(ns);
  if (!indexes) return indexes.error();
  for (const std::string& definition : *indexes) {
    if (find_field(definition, "key", &iter) && iter_document(iter) == key) return text_of(definition, "name");
  }
  return std::string();
}

Result<void> KeepingSchemaWriter::modify_collection(const Namespace& ns, std::string_view changes) {
  bson_iter_t iter;
  if (find_field(changes, "index", &iter)) {
    const std::string_view change = iter_document(iter).value_or(std::string_view());
    if (const auto seconds = ttl_of(change)) {
      auto name = index_of(ns, change);
      if (!name) return name.error();
      if (!name->empty()) {
        DUALSYNC_TRY(keep(ns, [&](TrueSchema* schema) { schema->ttl_seconds[*name] = *seconds; }));
      }
    }
  }
  if (changes_kept_options(changes))
    DUALSYNC_TRY(keep(ns, [&](TrueSchema* schema) { schema->options = changed_options(schema->options, changes); }));
  return writer_->modify_collection(ns, changes);
}

Result<void> KeepingSchemaWriter::rename(const Namespace& from, const Namespace& to, bool drop_target) {
  auto kept = kept_->read(from);
  if (!kept && kept.error().kind == ErrorKind::kCorruption) kept = TrueSchema{};  // restoring reports it
  if (!kept) return kept.error();
  const auto take_over = [&](TrueSchema* schema) { *schema = *kept; };
  // Without a record of `from` the rename may have happened before: then it fails, and what `to` has stays.
  if (!kept->empty()) DUALSYNC_TRY(keep(to, take_over));
  DUALSYNC_TRY(writer_->rename(from, to, drop_target));
  DUALSYNC_TRY(keep(to, take_over));
  return keep(from, [](TrueSchema* schema) { *schema = {}; });
}

Result<void> KeepingSchemaWriter::drop(const Namespace& ns) {
  DUALSYNC_TRY(writer_->drop(ns));
  if (ns.collection.empty()) return {};  // what is created anew sets its record
  return keep(ns, [](TrueSchema* schema) { *schema = {}; });
}

}  // namespace dualsync
