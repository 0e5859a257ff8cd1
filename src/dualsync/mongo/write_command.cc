#include "dualsync/mongo/write_command.h"

#include <algorithm>
#include <optional>

namespace dualsync {
namespace {

constexpr std::size_t kItemsMax = 100000;
constexpr std::size_t kItemOverhead = 96;  // names, types and lengths around one item, generously
constexpr std::size_t kCollationBytes = 48;

Error bad_item(const char* what) { return {ErrorKind::kInvalidArgument, what, "", 0}; }

// A value that the query language could read as something else than itself.
bool needs_eq(const bson_iter_t& value) {
  return BSON_ITER_HOLDS_DOCUMENT(&value) || BSON_ITER_HOLDS_REGEX(&value) || BSON_ITER_HOLDS_ARRAY(&value);
}

void append_fields(bson_t* query, bson_iter_t iter) {
  while (bson_iter_next(&iter)) {
    if (needs_eq(iter)) {
      bson_t condition;
      bson_append_document_begin(query, bson_iter_key(&iter), -1, &condition);
      append_value(&condition, "$eq", iter);
      bson_append_document_end(query, &condition);
    } else {
      append_value(query, bson_iter_key(&iter), iter);
    }
  }
}

Result<void> append_key(bson_t* query, std::string_view document_key) {
  bson_iter_t iter;
  if (!find_field(document_key, "_id", &iter) || !iterate_bson(document_key, &iter)) {
    return bad_item("a document key without `_id`");
  }
  append_fields(query, iter);
  return {};
}

// Text is compared by the collection's collation, in documents and arrays too: `a` may find `A`.
bool holds_text(std::string_view document_key) {
  bson_iter_t iter;
  if (!iterate_bson(document_key, &iter)) return false;
  while (bson_iter_next(&iter)) {
    switch (bson_iter_type(&iter)) {
      case BSON_TYPE_UTF8:
      case BSON_TYPE_SYMBOL:
      case BSON_TYPE_DOCUMENT:
      case BSON_TYPE_ARRAY: return true;
      default: break;
    }
  }
  return false;
}

void append_simple_collation(bson_t* statement) {
  bson_t collation;
  bson_append_document_begin(statement, "collation", -1, &collation);
  BSON_APPEND_UTF8(&collation, "locale", "simple");
  bson_append_document_end(statement, &collation);
}

struct DeltaParts {
  bson_iter_t updated{};  // over the fields of updatedFields
  bson_iter_t removed{};  // over the entries of removedFields
  bool has_updated = false;
  bool has_removed = false;
};

bool holds_any(const bson_iter_t& container) {
  bson_iter_t first;
  return bson_iter_recurse(&container, &first) && bson_iter_next(&first);
}

std::optional<DeltaParts> delta_parts(std::string_view update_description) {
  bson_iter_t iter;
  if (!iterate_bson(update_description, &iter)) return std::nullopt;
  DeltaParts parts;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "updatedFields" && holds_any(iter)) parts.has_updated = bson_iter_recurse(&iter, &parts.updated);
    if (name == "removedFields" && holds_any(iter)) parts.has_removed = bson_iter_recurse(&iter, &parts.removed);
  }
  return parts;
}

Result<void> append_delta(bson_t* statement, const WriteItem& item) {
  const auto parts = delta_parts(item.payload);
  if (!parts.has_value() || (!parts->has_updated && !parts->has_removed))
    return bad_item("a delta that changes nothing");
  bson_t query;
  bson_append_document_begin(statement, "q", 1, &query);
  const Result<void> key = append_key(&query, item.document_key);
  if (parts->has_updated && !item.loose) {
    for (bson_iter_t field = parts->updated; bson_iter_next(&field);) {
      bson_t exists;
      bson_append_document_begin(&query, bson_iter_key(&field), -1, &exists);
      BSON_APPEND_BOOL(&exists, "$exists", true);
      bson_append_document_end(&query, &exists);
    }
  }
  bson_append_document_end(statement, &query);
  if (!key.ok()) return key.error();
  bson_t update;
  bson_t operation;
  bson_append_document_begin(statement, "u", 1, &update);
  if (parts->has_updated) {
    bson_append_document_begin(&update, "$set", -1, &operation);
    for (bson_iter_t field = parts->updated; bson_iter_next(&field);) {
      append_value(&operation, bson_iter_key(&field), field);
    }
    bson_append_document_end(&update, &operation);
  }
  if (parts->has_removed) {
    bson_append_document_begin(&update, "$unset", -1, &operation);
    for (bson_iter_t field = parts->removed; bson_iter_next(&field);) {
      const auto path = iter_string(field);
      if (path.has_value()) bson_append_utf8(&operation, path->data(), static_cast<int>(path->size()), "", 0);
    }
    bson_append_document_end(&update, &operation);
  }
  bson_append_document_end(statement, &update);
  return {};
}

// Names of the top-level fields, `_id` apart, that hold Timestamp(0,0) and that $set can name.
std::vector<std::string_view> zero_timestamp_fields(std::string_view document) {
  std::vector<std::string_view> names;
  bson_iter_t iter;
  if (!iterate_bson(document, &iter)) return names;
  while (bson_iter_next(&iter)) {
    const std::string_view name(bson_iter_key(&iter), bson_iter_key_len(&iter));
    if (!BSON_ITER_HOLDS_TIMESTAMP(&iter) || name == "_id" || name.empty()) continue;
    if (name.front() == '$' || name.find('.') != std::string_view::npos) continue;
    std::uint32_t seconds = 0;
    std::uint32_t increment = 0;
    bson_iter_timestamp(&iter, &seconds, &increment);
    if (seconds == 0 && increment == 0) names.push_back(name);
  }
  return names;
}

Result<void> append_query_statement(bson_t* statement, const WriteItem& item) {
  bson_t query;
  bson_append_document_begin(statement, "q", 1, &query);
  Result<void> key = append_key(&query, item.document_key);
  bson_append_document_end(statement, &query);
  return key;
}

Result<void> append_replace(bson_t* statement, const WriteItem& item) {
  DUALSYNC_TRY(append_query_statement(statement, item));
  if (!view_bson(item.payload).has_value()) return bad_item("a document that is not BSON");
  append_document(statement, "u", item.payload);
  BSON_APPEND_BOOL(statement, "upsert", true);
  return {};
}

Result<void> append_delete(bson_t* statement, const WriteItem& item) {
  DUALSYNC_TRY(append_query_statement(statement, item));
  BSON_APPEND_INT32(statement, "limit", 1);
  return {};
}

Result<void> append_item(bson_t* list, std::string_view index, const WriteItem& item) {
  if (item.kind == WriteItem::Kind::kInsert) {
    if (!view_bson(item.payload).has_value()) return bad_item("a document that is not BSON");
    append_document(list, index, item.payload);
    return {};
  }
  bson_t statement;
  bson_append_document_begin(list, index.data(), static_cast<int>(index.size()), &statement);
  Result<void> result;
  switch (item.kind) {
    case WriteItem::Kind::kReplace: result = append_replace(&statement, item); break;
    case WriteItem::Kind::kDelta: result = append_delta(&statement, item); break;
    case WriteItem::Kind::kDelete: result = append_delete(&statement, item); break;
    case WriteItem::Kind::kInsert: break;
  }
  if (holds_text(item.document_key)) append_simple_collation(&statement);
  bson_append_document_end(list, &statement);
  return result;
}

// A delta names each path twice: once to ask that it exists, once to set it.
std::size_t size_estimate(const WriteItem& item) {
  const std::size_t payload = item.kind == WriteItem::Kind::kDelta ? 3 * item.payload.size() : item.payload.size();
  const bool compared = item.kind != WriteItem::Kind::kInsert && holds_text(item.document_key);
  return payload + item.document_key.size() + (compared ? kCollationBytes : 0) + kItemOverhead;
}

struct CommandNames {
  const char* command;
  const char* list;
};

CommandNames names_of(WriteItem::Kind kind) {
  switch (kind) {
    case WriteItem::Kind::kInsert: return {"insert", "documents"};
    case WriteItem::Kind::kDelete: return {"delete", "deletes"};
    case WriteItem::Kind::kReplace:
    case WriteItem::Kind::kDelta: break;
  }
  return {"update", "updates"};
}

}  // namespace

Result<std::size_t> build_write(const WriteBuild& build, BsonDoc* command) {
  const CommandNames names = names_of(build.kind);
  bson_append_utf8(command->get(), names.command, -1, build.collection->c_str(),
                   static_cast<int>(build.collection->size()));
  BSON_APPEND_BOOL(command->get(), "ordered", build.ordered);
  const bool has_content = build.kind != WriteItem::Kind::kDelete;
  if (has_content && build.flags.bypass_validation) BSON_APPEND_BOOL(command->get(), "bypassDocumentValidation", true);
  if (has_content && build.flags.keep_zero_timestamps)
    BSON_APPEND_BOOL(command->get(), "bypassEmptyTsReplacement", true);
  bson_t list;
  bson_append_array_begin(command->get(), names.list, -1, &list);
  std::size_t count = 0;
  std::size_t bytes = 0;
  Result<void> result;
  for (const std::size_t place : build.chosen) {
    const WriteItem& item = build.items[place];
    const std::size_t item_bytes = size_estimate(item);
    if (count == kItemsMax || (count > 0 && bytes + item_bytes > build.bytes_max)) break;
    char buffer[16];
    const char* name = nullptr;
    const std::size_t length = bson_uint32_to_string(static_cast<std::uint32_t>(count), &name, buffer, sizeof buffer);
    result = append_item(&list, std::string_view(name, length), item);
    if (!result.ok()) break;
    bytes += item_bytes;
    ++count;
  }
  bson_append_array_end(command->get(), &list);
  if (!result.ok()) return result.error();
  return count;
}

bool has_zero_timestamp(std::string_view document) {
  // Asked of every document that is sent: most hold no byte that could be the type of a timestamp.
  if (document.find(static_cast<char>(BSON_TYPE_TIMESTAMP)) == std::string_view::npos) return false;
  return !zero_timestamp_fields(document).empty();
}

Result<std::size_t> build_remove_all(const std::string& collection, std::span<const std::string_view> keys,
                                     std::size_t bytes_max, BsonDoc* command) {
  BSON_APPEND_UTF8(command->get(), "delete", collection.c_str());
  BSON_APPEND_BOOL(command->get(), "ordered", false);
  bson_t deletes;
  BSON_APPEND_ARRAY_BEGIN(command->get(), "deletes", &deletes);
  std::size_t count = 0;
  for (std::size_t bytes = 0; count < std::min(keys.size(), kItemsMax); ++count) {
    const std::string_view key = keys[count];
    bytes += key.size() + kItemOverhead + kCollationBytes;
    if (count > 0 && bytes > bytes_max) break;
    bson_iter_t fields;
    if (!iterate_bson(key, &fields)) return bad_item("a key that is not BSON");
    bson_t statement;
    bson_t query;
    bson_append_document_begin(&deletes, std::to_string(count).c_str(), -1, &statement);
    BSON_APPEND_DOCUMENT_BEGIN(&statement, "q", &query);
    append_fields(&query, fields);
    bson_append_document_end(&statement, &query);
    BSON_APPEND_INT32(&statement, "limit", 0);
    if (holds_text(key)) append_simple_collation(&statement);
    bson_append_document_end(&deletes, &statement);
  }
  bson_append_array_end(command->get(), &deletes);
  return count;
}

void build_no_change(const std::string& collection, BsonDoc* command) {
  bson_oid_t nobody;
  bson_oid_init(&nobody, nullptr);
  bson_t deletes;
  bson_t one;
  bson_t query;
  BSON_APPEND_UTF8(command->get(), "delete", collection.c_str());
  BSON_APPEND_ARRAY_BEGIN(command->get(), "deletes", &deletes);
  BSON_APPEND_DOCUMENT_BEGIN(&deletes, "0", &one);
  BSON_APPEND_DOCUMENT_BEGIN(&one, "q", &query);
  BSON_APPEND_OID(&query, "_id", &nobody);
  bson_append_document_end(&one, &query);
  BSON_APPEND_INT32(&one, "limit", 1);
  bson_append_document_end(&deletes, &one);
  bson_append_array_end(command->get(), &deletes);
}

Result<void> build_zero_timestamps(const std::string& collection, std::span<const WriteItem> items,
                                   std::span<const std::size_t> chosen, bool bypass_validation, BsonDoc* command) {
  BSON_APPEND_UTF8(command->get(), "update", collection.c_str());
  BSON_APPEND_BOOL(command->get(), "ordered", false);
  if (bypass_validation) BSON_APPEND_BOOL(command->get(), "bypassDocumentValidation", true);
  bson_t updates;
  BSON_APPEND_ARRAY_BEGIN(command->get(), "updates", &updates);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const WriteItem& item = items[chosen[i]];
    bson_t statement;
    bson_append_document_begin(&updates, std::to_string(i).c_str(), -1, &statement);
    DUALSYNC_TRY(append_query_statement(&statement, item));
    bson_t change;
    bson_t fields;
    BSON_APPEND_DOCUMENT_BEGIN(&statement, "u", &change);
    BSON_APPEND_DOCUMENT_BEGIN(&change, "$set", &fields);
    for (const std::string_view name : zero_timestamp_fields(item.payload)) {
      bson_append_timestamp(&fields, name.data(), static_cast<int>(name.size()), 0, 0);
    }
    bson_append_document_end(&change, &fields);
    bson_append_document_end(&statement, &change);
    bson_append_document_end(&updates, &statement);
  }
  bson_append_array_end(command->get(), &updates);
  return {};
}

bool delta_changes_something(std::string_view update_description) {
  const auto parts = delta_parts(update_description);
  return !parts.has_value() || parts->has_updated || parts->has_removed;
}

}  // namespace dualsync
