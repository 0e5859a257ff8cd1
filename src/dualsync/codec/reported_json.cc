#include "dualsync/codec/reported_json.h"

#include <sstream>

#include "dualsync/codec/bson.h"
#include "dualsync/codec/json_entry.h"
#include "dualsync/codec/json_scan.h"

namespace dualsync {
namespace {

// The server refuses such an _id, so no document can have it.
bool is_id(const bson_iter_t& iter) {
  const bson_type_t type = bson_iter_type(&iter);
  if (type == BSON_TYPE_DOCUMENT) {
    bson_iter_t field;
    for (bool more = bson_iter_recurse(&iter, &field) && bson_iter_next(&field); more; more = bson_iter_next(&field)) {
      if (bson_iter_key(&field)[0] == '$') return false;
    }
  }
  return type != BSON_TYPE_ARRAY && type != BSON_TYPE_REGEX && type != BSON_TYPE_UNDEFINED;
}

Result<ReportedChanges::Document> document_of(std::string_view text) {
  JsonEntry entry;
  DUALSYNC_TRY(entry.read(text));
  if (const std::string unknown = entry.unknown_field({"collection", "filter", "filterBson"}); !unknown.empty())
    return wrong_field(unknown, "not known");
  auto ns = namespace_of(entry, "", false);
  if (!ns) return wrong_field("collection", "not database.collection");
  auto key = entry.document("filter");
  if (!key) return key.error();
  if (key->empty()) return wrong_field("filter", "it is missing");
  bson_iter_t iter;
  if (!find_field(*key, "_id", &iter)) return wrong_field("filter", "it names no _id");
  if (!is_id(iter))
    return wrong_field("filter", "an array, a regular expression, undefined or a name with $ cannot be an _id");
  return ReportedChanges::Document{std::move(*ns), std::move(*key)};
}

Result<Namespace> range_of(std::string_view text) {
  JsonEntry entry;
  DUALSYNC_TRY(entry.read(text));
  if (const std::string unknown = entry.unknown_field({"collection"}); !unknown.empty())
    return wrong_field(unknown, "not known");
  return namespace_of(entry, "", true);
}

template <typename Entry>
Result<void> read_list(JsonScanner* scanner, const std::string& list, Result<Entry> (*parse)(std::string_view),
                       std::vector<Entry>* out) {
  return scanner->array([&](std::uint64_t index) -> Result<void> {
    if (index >= kReportedMax) {
      return Error{ErrorKind::kInvalidArgument,
                   "`" + list + "` has more than " + std::to_string(kReportedMax) + " entries", "send them in parts",
                   0};
    }
    const auto text = scanner->value();
    if (!text) return text.error();
    auto entry = parse(*text);
    if (!entry) return entry.error().in(list + "[" + std::to_string(index) + "]");
    out->push_back(std::move(*entry));
    return {};
  });
}

}  // namespace

Result<ReportedChanges> parse_reported(std::string_view body) {
  std::istringstream in{std::string(body)};
  JsonScanner scanner(in);
  ReportedChanges changes;
  DUALSYNC_TRY(scanner.object([&](const std::string& name) -> Result<void> {
    if (name == "operations") return read_list(&scanner, name, document_of, &changes.documents);
    if (name == "dirtyRanges") return read_list(&scanner, name, range_of, &changes.ranges);
    return wrong_field(name, "not known");
  }));
  DUALSYNC_TRY(scanner.end());
  return changes;
}

}  // namespace dualsync
