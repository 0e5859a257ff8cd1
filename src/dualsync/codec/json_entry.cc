#include "dualsync/codec/json_entry.h"

#include <algorithm>

#include "dualsync/base/time_text.h"
#include "dualsync/codec/bson.h"
#include "dualsync/codec/json_scan.h"
#include "dualsync/codec/validate.h"

namespace dualsync {

Error wrong_field(const std::string& field, const std::string& what) {
  return {ErrorKind::kInvalidArgument, "field `" + field + "`: " + what, "", 0};
}

Result<std::string> parse_extended_json(std::string_view json) {
  bson_error_t error{};
  bson_t* parsed =
      bson_new_from_json(reinterpret_cast<const std::uint8_t*>(json.data()), static_cast<ssize_t>(json.size()), &error);
  if (parsed == nullptr) return Error{ErrorKind::kInvalidArgument, error.message, "", 0};
  std::string bytes(bytes_of(*parsed));
  bson_destroy(parsed);
  return bytes;
}

Result<void> JsonEntry::read(std::string_view text) {
  auto members = json_members(text);
  if (!members) return members.error();
  for (auto& [name, value] : *members) {
    if (!fields_.emplace(name, std::move(value)).second) return wrong_field(name, "it is there twice");
  }
  return {};
}

bool JsonEntry::has(const std::string& name) const {
  const auto found = fields_.find(name);
  return found != fields_.end() && found->second != "null";
}

Result<std::string> JsonEntry::wrapped(const std::string& name) const {
  if (!has(name)) return wrong_field(name, "it is missing");
  auto parsed = parse_extended_json("{\"v\":" + fields_.at(name) + "}");
  if (!parsed) return wrong_field(name, "not Extended JSON: " + parsed.error().message);
  return parsed;
}

Result<std::string> JsonEntry::text(const std::string& name) const {
  auto doc = wrapped(name);
  if (!doc) return doc.error();
  bson_iter_t iter;
  const auto found = find_field(*doc, "v", &iter) ? iter_string(iter) : std::nullopt;
  if (!found || found->empty()) return wrong_field(name, "not a text");
  return std::string(*found);
}

Result<std::int64_t> JsonEntry::number(const std::string& name) const {
  if (!has(name)) return std::int64_t{0};
  auto doc = wrapped(name);
  if (!doc) return doc.error();
  bson_iter_t iter;
  if (!find_field(*doc, "v", &iter) || !(BSON_ITER_HOLDS_INT32(&iter) || BSON_ITER_HOLDS_INT64(&iter)) ||
      bson_iter_as_int64(&iter) < 0 || bson_iter_as_int64(&iter) > INT32_MAX) {
    return wrong_field(name, "not a whole number from 0");
  }
  return bson_iter_as_int64(&iter);
}

Result<std::string> JsonEntry::document(const std::string& name) const {
  const std::string other = name + "Bson";
  if (has(name) == has(other))
    return has(name) ? Result<std::string>(wrong_field(other, "beside `" + name + "`"))
                     : Result<std::string>(std::string());
  auto doc = wrapped(has(name) ? name : other);
  if (!doc) return doc.error();
  bson_iter_t iter;
  if (!find_field(*doc, "v", &iter)) return wrong_field(name, "it is missing");
  if (has(name)) {
    if (!BSON_ITER_HOLDS_DOCUMENT(&iter)) return wrong_field(name, "not an object");
    return std::string(iter_document(iter).value_or(std::string_view()));
  }
  if (!BSON_ITER_HOLDS_BINARY(&iter)) return wrong_field(other, "not a $binary");
  std::string bytes(*iter_binary(iter));
  if (!is_valid_bson(bytes)) return wrong_field(other, "not a BSON document");
  return bytes;
}

Result<OpTime> JsonEntry::time(const std::string& name) const {
  if (!has(name)) return OpTime();
  auto doc = wrapped(name);
  if (!doc) return doc.error();
  bson_iter_t iter;
  if (!find_field(*doc, "v", &iter) || !BSON_ITER_HOLDS_TIMESTAMP(&iter)) return wrong_field(name, "not a $timestamp");
  OpTime time;
  bson_iter_timestamp(&iter, &time.t, &time.i);
  return time;
}

Result<std::int64_t> JsonEntry::unix_ms(const std::string& name) const {
  auto doc = wrapped(name);
  if (!doc) return doc.error();
  bson_iter_t iter;
  if (find_field(*doc, "v", &iter) && BSON_ITER_HOLDS_DATE_TIME(&iter)) return bson_iter_date_time(&iter);
  const auto text = iter_string(iter);
  const auto time = text ? parse_iso8601(*text) : std::nullopt;
  if (!time) return wrong_field(name, "not a time like 2026-11-22T18:30:00.123Z");
  return *time;
}

std::string JsonEntry::unknown_field(std::initializer_list<std::string_view> known) const {
  for (const auto& [name, value] : fields_) {
    if (std::find(known.begin(), known.end(), name) == known.end()) return name;
  }
  return {};
}

Result<std::string> document_key_of(const JsonEntry& entry) {
  auto filter = entry.document("filter");
  if (!filter) return filter.error();
  bson_iter_t iter;
  if (!filter->empty()) {
    if (!find_field(*filter, "_id", &iter)) return wrong_field("filter", "it names no _id");
    return filter;
  }
  if (!entry.has("documentId")) return wrong_field("filter", "it is missing, and so is `documentId`");
  auto wrapped = entry.wrapped("documentId");
  if (!wrapped) return wrapped.error();
  BsonDoc key;
  if (!find_field(*wrapped, "v", &iter) || !bson_append_iter(key.get(), "_id", 3, &iter)) {
    return wrong_field("documentId", "not a value");
  }
  return key.str();
}

Result<Namespace> namespace_of(const JsonEntry& entry, const std::string& default_database, bool database_alone) {
  auto collection = entry.text("collection");
  if (!collection) return collection.error();
  Namespace ns = Namespace::parse(*collection);
  if (ns.collection.empty() && !database_alone) {
    if (default_database.empty())
      return wrong_field("collection", "it names no database, and neither does MONGODB_LOCAL_URI");
    ns = {default_database, *collection};
  }
  if (ns.db.empty() || ns.db.size() > UINT16_MAX || ns.collection.size() > UINT16_MAX)
    return wrong_field("collection", "not a name");
  return ns;
}

}  // namespace dualsync
