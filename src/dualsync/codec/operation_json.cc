#include "dualsync/codec/operation_json.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>

#include "dualsync/base/time_text.h"
#include "dualsync/codec/bson.h"
#include "dualsync/codec/ddl_event.h"
#include "dualsync/codec/json_entry.h"

namespace dualsync {
namespace {

// As the design of the first version named them; a delta is an "update".
struct TypeName {
  std::string_view name;
  OpKind kind;
};
constexpr std::array<TypeName, 6> kTypeNames = {{{"insert", OpKind::kInsert},
                                                 {"replace", OpKind::kReplace},
                                                 {"update", OpKind::kDelta},
                                                 {"delete", OpKind::kDelete},
                                                 {"touch", OpKind::kTouch},
                                                 {"ddl", OpKind::kDdl}}};

std::string_view type_name(OpKind kind) {
  for (const TypeName& known : kTypeNames) {
    if (known.kind == kind) return known.name;
  }
  return "unknown";
}

std::optional<std::string> json_text(const bson_t& doc) {
  std::size_t length = 0;
  char* text = bson_as_canonical_extended_json(&doc, &length);
  if (text == nullptr) return std::nullopt;
  std::string json(text, length);
  bson_free(text);
  return json;
}

// Only if it comes back byte for byte.
std::optional<std::string> exact_json(std::string_view document) {
  const auto view = view_bson(document);
  if (!view) return std::nullopt;
  auto text = json_text(*view);
  if (!text) return std::nullopt;
  const auto back = parse_extended_json(*text);
  if (!back || *back != document) return std::nullopt;
  return text;
}

// JSON of the one value of {v: value}.
std::optional<std::string> only_value(const bson_t& doc) {
  auto text = json_text(doc);
  if (!text) return std::nullopt;
  const std::size_t from = text->find(':') + 2;
  return text->substr(from, text->rfind('}') - from - 1);
}

std::optional<std::string> string_json(std::string_view text) {
  BsonDoc doc;
  bson_append_utf8(doc.get(), "v", 1, text.data(), static_cast<int>(text.size()));
  return only_value(*doc.get());
}

std::string binary_json(std::string_view bytes) {
  BsonDoc doc;
  bson_append_binary(doc.get(), "v", 1, BSON_SUBTYPE_BINARY, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                     static_cast<std::uint32_t>(bytes.size()));
  return only_value(*doc.get()).value_or("null");
}

std::string time_json(OpTime time) {
  return R"({ "$timestamp" : { "t" : )" + std::to_string(time.t) + R"(, "i" : )" + std::to_string(time.i) + " } }";
}

// The same operation of the same queue always has the same one.
std::string uuid_of(SeqNo seq, const OperationView& op) {
  std::string seed = std::to_string(seq) + '/' + std::to_string(op.enqueued_ms) + '/';
  seed.append(op.db).append("/").append(op.collection).append("/").append(op.document_key);
  const XXH128_hash_t hash = XXH3_128bits(seed.data(), seed.size());
  // Version 8 (a hash of one's own choice), variant 2: RFC 9562.
  const std::uint64_t high = (hash.high64 & ~0xf000ULL) | 0x8000ULL;
  const std::uint64_t low = (hash.low64 & ~(3ULL << 62U)) | (2ULL << 62U);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%08x-%04x-%04x-%04x-%012llx", static_cast<unsigned>(high >> 32U),
                static_cast<unsigned>(high >> 16U & 0xffffU), static_cast<unsigned>(high & 0xffffU),
                static_cast<unsigned>(low >> 48U), static_cast<unsigned long long>(low & 0xffffffffffffULL));
  return text.data();
}

void add_document(std::string* json, const char* name, std::string_view document) {
  *json += std::string(",\"") + name;
  if (document.empty()) {
    *json += "\":null";
  } else if (const auto exact = exact_json(document)) {
    *json += "\":" + *exact;
  } else {
    *json += "Bson\":" + binary_json(document);
  }
}

bool is_uuid(std::string_view text) {
  constexpr std::string_view kForm = "00000000-0000-0000-0000-000000000000";
  return text.size() == kForm.size() && std::equal(text.begin(), text.end(), kForm.begin(), [](char c, char form) {
           if (form == '-') return c == '-';
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

Result<OpKind> kind_of(const JsonEntry& entry) {
  auto type = entry.text("type");
  if (!type) return type.error();
  std::string lower = *type;
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  std::string names;
  for (const TypeName& known : kTypeNames) {
    if (known.name == lower) return known.kind;
    names += (names.empty() ? "" : ", ") + std::string(known.name);
  }
  return wrong_field("type", "\"" + type->substr(0, 40) + "\" is none of " + names);
}

std::string one_value(const bson_iter_t& iter) {
  BsonDoc doc;
  bson_append_iter(doc.get(), "v", 1, &iter);
  return doc.str();
}

Result<void> check_content(const JsonOperation& read) {
  bson_iter_t key;
  bson_iter_t value;
  switch (read.op.kind) {
    case OpKind::kInsert:
    case OpKind::kReplace:
      if (!find_field(read.document_key, "_id", &key) || !find_field(read.payload, "_id", &value) ||
          one_value(key) != one_value(value)) {
        return wrong_field("data", "its _id is not the one of `filter`");
      }
      return {};
    case OpKind::kDelta: {
      const bool sets = find_field(read.payload, "updatedFields", &value) && BSON_ITER_HOLDS_DOCUMENT(&value);
      const bool removes = find_field(read.payload, "removedFields", &key) && BSON_ITER_HOLDS_ARRAY(&key);
      if (!sets || !removes) return wrong_field("data", "an update needs `updatedFields` and `removedFields`");
      return {};
    }
    case OpKind::kDelete:
    case OpKind::kTouch:
    case OpKind::kDdl: return {};
  }
  return {};
}

Result<void> set_content(const JsonEntry& entry, const JsonRules& rules, JsonOperation* out) {
  auto data = entry.document("data");
  if (!data) return data.error();
  const OpKind kind = out->op.kind;
  const bool needs_data = out->op.whole() || kind == OpKind::kDelta || kind == OpKind::kDdl;
  if (needs_data && data->empty() && (rules.as_recorded || kind == OpKind::kDdl)) {
    return wrong_field("data", "it is missing");
  }
  if (needs_data) out->payload = std::move(*data);
  if (kind == OpKind::kDdl) {
    auto event = parse_ddl_event(out->payload);
    if (!event) return wrong_field("data", event.error().message);
    return {};
  }
  auto key = document_key_of(entry);
  if (!key) return key.error();
  out->document_key = std::move(*key);
  return rules.as_recorded ? check_content(*out) : Result<void>();
}

}  // namespace

Result<std::string> operation_to_json(SeqNo seq, const OperationView& op, std::uint32_t retries_max) {
  const auto collection = string_json(op.ns().full());
  if (!collection) return Error{ErrorKind::kInvalidArgument, "a namespace that is not UTF-8", "", 0};
  std::string json = R"({"id":")" + uuid_of(seq, op) + R"(","type":")" + std::string(type_name(op.kind)) +
                     R"(","collection":)" + *collection;
  add_document(&json, "data", op.payload);
  if (op.kind != OpKind::kDdl) {
    add_document(&json, "filter", op.document_key);
    bson_iter_t iter;
    BsonDoc id;
    if (find_field(op.document_key, "_id", &iter) && bson_append_iter(id.get(), "v", 1, &iter)) {
      if (const auto exact = exact_json(id.bytes()))
        json += ",\"documentId\":" + only_value(*id.get()).value_or("null");
    }
  }
  json += ",\"timestamp\":\"" + iso8601(op.enqueued_ms) + "\",\"retryCount\":" + std::to_string(op.attempts) +
          ",\"maxRetries\":" + std::to_string(retries_max) + ",\"clusterTime\":" + time_json(op.last_time) +
          ",\"firstClusterTime\":" + time_json(op.first_time);
  if (op.flags != 0) json += ",\"flags\":" + std::to_string(op.flags);
  return json + "}";
}

Result<void> operation_from_json(std::string_view text, const JsonRules& rules, JsonOperation* out) {
  JsonEntry entry;
  DUALSYNC_TRY(entry.read(text));
  auto id = entry.text("id");
  if (!id) return id.error();
  if (!is_uuid(*id)) return wrong_field("id", "not a UUID");
  auto kind = kind_of(entry);
  if (!kind) return kind.error();
  auto enqueued = entry.unix_ms("timestamp");
  if (!enqueued) return enqueued.error();
  auto attempts = entry.number("retryCount");
  if (!attempts) return attempts.error();
  if (auto unused = entry.number("maxRetries"); !unused) return unused.error();
  auto flags = entry.number("flags");
  if (!flags) return flags.error();
  if (*flags > UINT16_MAX) return wrong_field("flags", "too large");
  auto last = entry.time("clusterTime");
  if (!last) return last.error();
  auto first = entry.time("firstClusterTime");
  if (!first) return first.error();
  out->id = std::move(*id);
  out->op.kind = *kind;
  out->op.enqueued_ms = *enqueued;
  out->op.attempts = static_cast<std::uint32_t>(*attempts);
  out->op.flags = static_cast<std::uint16_t>(*flags);
  out->op.last_time = *last;
  out->op.first_time = first->is_null() ? *last : *first;
  auto ns = namespace_of(entry, rules.default_database, out->op.kind == OpKind::kDdl);
  if (!ns) return ns.error();
  out->db = std::move(ns->db);
  out->collection = std::move(ns->collection);
  DUALSYNC_TRY(set_content(entry, rules, out));
  out->op.db = out->db;
  out->op.collection = out->collection;
  out->op.document_key = out->document_key;
  out->op.payload = out->payload;
  return {};
}

}  // namespace dualsync
