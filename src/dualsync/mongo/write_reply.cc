#include "dualsync/mongo/write_reply.h"

#include <fmt/format.h>

#include "dualsync/codec/bson.h"
#include "dualsync/mongo/mongo_error.h"
#include "dualsync/mongo/validation_details.h"

namespace dualsync {
namespace {

constexpr int kValidation = 121;

struct WriteErrorEntry {
  std::size_t index = 0;
  int code = 0;
  std::string_view message;
  bool has_pattern = false;
  bool pattern_is_id = false;
  std::string pattern;  // the index's field names, without any value
  std::string_view values;
  std::string_view info;  // errInfo
};

void read_key_pattern(const bson_iter_t& field, WriteErrorEntry* entry) {
  bson_iter_t part;
  if (!bson_iter_recurse(&field, &part)) return;
  entry->has_pattern = true;
  while (bson_iter_next(&part)) {
    if (!entry->pattern.empty()) entry->pattern += ", ";
    entry->pattern += bson_iter_key(&part);
  }
  entry->pattern_is_id = entry->pattern == "_id";
}

// `field`: before the first one of an entry, or of a reply that is an error as a whole.
WriteErrorEntry read_entry(bson_iter_t field) {
  WriteErrorEntry entry;
  while (bson_iter_next(&field)) {
    const std::string_view name = bson_iter_key(&field);
    if (name == "index") entry.index = static_cast<std::size_t>(bson_iter_as_int64(&field));
    if (name == "code") entry.code = static_cast<int>(bson_iter_as_int64(&field));
    if (name == "errmsg") entry.message = iter_string(field).value_or("");
    if (name == "keyPattern") read_key_pattern(field, &entry);
    if (name == "errInfo") entry.info = iter_document(field).value_or("");
    if (name == "keyValue") entry.values = iter_document(field).value_or("");
  }
  return entry;
}

WriteOutcome outcome_of(const WriteErrorEntry& entry, std::string_view what) {
  WriteOutcome outcome;
  outcome.ok = false;
  outcome.error = make_write_error(entry.code, entry.message, what);
  if (const std::string mismatch = describe_validation(entry.info); entry.code == kValidation && !mismatch.empty())
    outcome.error.message += ": " + mismatch;
  if (outcome.error.kind != ErrorKind::kDuplicateKey) return outcome;
  // The one row by message: servers before 4.4 send no keyPattern. The index's name comes before the user's data.
  outcome.duplicate_id =
      entry.has_pattern ? entry.pattern_is_id : entry.message.find("index: _id_") != std::string_view::npos;
  if (!outcome.duplicate_id) outcome.collision = entry.values;
  if (entry.has_pattern) {
    outcome.error.message = fmt::format("{}: duplicate key of the unique index on {}", what, entry.pattern);
  }
  return outcome;
}

}  // namespace

std::size_t apply_write_errors(const bson_t& reply, std::span<const std::size_t> sent, std::string_view what,
                               std::vector<WriteOutcome>* outcomes) {
  bson_iter_t list;
  bson_iter_t item;
  std::size_t count = 0;
  if (!bson_iter_init_find(&list, &reply, "writeErrors") || !bson_iter_recurse(&list, &item)) return 0;
  while (bson_iter_next(&item)) {
    bson_iter_t field;
    if (!bson_iter_recurse(&item, &field)) continue;
    const WriteErrorEntry entry = read_entry(field);
    if (entry.index >= sent.size()) continue;
    (*outcomes)[sent[entry.index]] = outcome_of(entry, what);
    ++count;
  }
  return count;
}

WriteOutcome refused_outcome(const bson_t& reply, std::string_view what) {
  bson_iter_t field;
  if (!bson_iter_init(&field, &reply)) return outcome_of({}, what);
  return outcome_of(read_entry(field), what);
}

void apply_upserts(const bson_t& reply, std::span<const std::size_t> sent, std::vector<WriteOutcome>* outcomes) {
  bson_iter_t list;
  bson_iter_t item;
  bson_iter_t entry;
  if (!bson_iter_init_find(&list, &reply, "upserted") || !bson_iter_recurse(&list, &item)) return;
  while (bson_iter_next(&item)) {
    if (!bson_iter_recurse(&item, &entry) || !bson_iter_find(&entry, "index")) continue;
    const auto index = static_cast<std::size_t>(bson_iter_as_int64(&entry));
    if (index < sent.size()) (*outcomes)[sent[index]].upserted = true;
  }
}

}  // namespace dualsync
