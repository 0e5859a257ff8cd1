#include "dualsync/pipeline/verify_record.h"

#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

using State = VerifyStatus::State;

void append_text(bson_t* to, const char* name, std::string_view text) {
  bson_append_utf8(to, name, -1, text.data(), static_cast<int>(text.size()));
}
void append_number(bson_t* to, const char* name, std::uint64_t number) {
  bson_append_int64(to, name, -1, static_cast<std::int64_t>(number));
}

template <typename Items, typename Append>
void append_list(bson_t* to, const char* name, const Items& items, Append append) {
  bson_t list;
  bson_append_array_begin(to, name, -1, &list);
  std::size_t place = 0;
  for (const auto& item : items) {
    bson_t entry;
    bson_append_document_begin(&list, std::to_string(place++).c_str(), -1, &entry);
    append(&entry, item);
    bson_append_document_end(&list, &entry);
  }
  bson_append_array_end(to, &list);
}

void append_part(bson_t* to, const VerifyPart& part) {
  append_text(to, "ns", part.ns.full());
  append_number(to, "total", part.documents_total);
  append_number(to, "done", part.documents_done);
  append_number(to, "byDigest", part.by_digest);
  append_number(to, "differences", part.difference_count);
  append_number(to, "unsettled", part.unsettled);
  append_number(to, "excepted", part.excepted);
  append_list(to, "schema", part.schema, [](bson_t* entry, const std::string& text) { append_text(entry, "t", text); });
}

// Calls read(name, field) for each field of each document in the array under `list`, after begin() of each document.
template <typename Begin, typename Read>
void read_list(const bson_iter_t& list, Begin begin, Read read) {
  bson_iter_t entry;
  if (!BSON_ITER_HOLDS_ARRAY(&list) || !bson_iter_recurse(&list, &entry)) return;
  while (bson_iter_next(&entry)) {
    bson_iter_t field;
    if (!BSON_ITER_HOLDS_DOCUMENT(&entry) || !bson_iter_recurse(&entry, &field)) continue;
    begin();
    while (bson_iter_next(&field)) read(std::string_view(bson_iter_key(&field)), field);
  }
}

std::string text_of(const bson_iter_t& field) { return std::string(iter_string(field).value_or("")); }
std::uint64_t number_of(const bson_iter_t& field) { return static_cast<std::uint64_t>(bson_iter_as_int64(&field)); }

void read_parts(const bson_iter_t& list, VerifyStatus* status) {
  auto& parts = status->parts;
  const auto begin = [&] { parts.emplace_back().state = VerifyPart::State::kDone; };
  read_list(list, begin, [&](std::string_view name, const bson_iter_t& field) {
    VerifyPart& part = parts.back();
    if (name == "ns") part.ns = Namespace::parse(text_of(field));
    if (name == "total") part.documents_total = number_of(field);
    if (name == "done") part.documents_done = number_of(field);
    if (name == "byDigest") part.by_digest = number_of(field);
    if (name == "differences") part.difference_count = number_of(field);
    if (name == "unsettled") part.unsettled = number_of(field);
    if (name == "excepted") part.excepted = number_of(field);
    if (name != "schema") return;
    read_list(
        field, [&] { part.schema.emplace_back(); },
        [&](std::string_view, const bson_iter_t& text) { part.schema.back() = text_of(text); });
  });
}

void read_differences(const bson_iter_t& list, VerifyStatus* status) {
  auto& found = status->differences;
  read_list(
      list, [&] { found.emplace_back(); },
      [&](std::string_view name, const bson_iter_t& field) {
        VerifyStatus::Named& one = found.back();
        if (name == "ns") one.ns = Namespace::parse(text_of(field));
        if (name == "kind") one.difference.kind = static_cast<DifferenceKind>(number_of(field));
        if (name == "id") one.difference.id_json = text_of(field);
        if (name == "path") one.difference.path = text_of(field);
      });
}

void read_differs(const bson_iter_t& list, VerifyStatus* status) {
  auto& known = status->differs;
  read_list(
      list, [&] { known.emplace_back(); },
      [&](std::string_view name, const bson_iter_t& field) {
        KnownDifference& one = known.back();
        if (name == "ns") one.ns = Namespace::parse(text_of(field));
        if (name == "documents") one.documents = number_of(field);
        if (name == "schema") one.schema = number_of(field);
        if (name == "onlyOnBackup") one.only_on_backup = bson_iter_as_bool(&field);
      });
}

}  // namespace

std::string encode_verify_record(const VerifyRecord& record) {
  const VerifyStatus& last = record.last;
  BsonDoc doc;
  bson_t* to = doc.get();
  append_number(to, "sinceMs", static_cast<std::uint64_t>(record.since_ms));
  append_number(to, "readMs", static_cast<std::uint64_t>(record.read_ms));
  append_number(to, "id", last.id);
  append_number(to, "state", static_cast<std::uint64_t>(last.state));
  bson_append_bool(to, "scheduled", -1, last.scheduled);
  bson_append_bool(to, "whole", -1, last.whole);
  bson_append_bool(to, "repair", -1, last.repair);
  bson_append_bool(to, "quick", -1, last.quick);
  append_number(to, "startedMs", static_cast<std::uint64_t>(last.started_ms));
  append_number(to, "finishedMs", static_cast<std::uint64_t>(last.finished_ms));
  append_text(to, "error", last.error);
  if (last.repaired) bson_append_bool(to, "repaired", -1, *last.repaired);
  bson_append_timestamp(to, "verifiedUntil", -1, last.verified_until.t, last.verified_until.i);
  append_list(to, "parts", last.parts, append_part);
  append_list(to, "differences", last.differences, [](bson_t* entry, const VerifyStatus::Named& one) {
    append_text(entry, "ns", one.ns.full());
    append_number(entry, "kind", static_cast<std::uint64_t>(one.difference.kind));
    append_text(entry, "id", one.difference.id_json);
    append_text(entry, "path", one.difference.path);
  });
  append_list(to, "differs", last.differs, [](bson_t* entry, const KnownDifference& one) {
    append_text(entry, "ns", one.ns.full());
    append_number(entry, "documents", one.documents);
    append_number(entry, "schema", one.schema);
    bson_append_bool(entry, "onlyOnBackup", -1, one.only_on_backup);
  });
  return doc.str();
}

VerifyRecord decode_verify_record(std::string_view bytes) {
  VerifyRecord record;
  VerifyStatus& last = record.last;
  bson_iter_t field;
  if (!iterate_bson(bytes, &field)) return record;
  while (bson_iter_next(&field)) {
    const std::string_view name = bson_iter_key(&field);
    if (name == "sinceMs") record.since_ms = bson_iter_as_int64(&field);
    if (name == "readMs") record.read_ms = bson_iter_as_int64(&field);
    if (name == "id") last.id = number_of(field);
    if (name == "state") last.state = static_cast<State>(number_of(field));
    if (name == "scheduled") last.scheduled = bson_iter_as_bool(&field);
    if (name == "whole") last.whole = bson_iter_as_bool(&field);
    if (name == "repair") last.repair = bson_iter_as_bool(&field);
    if (name == "quick") last.quick = bson_iter_as_bool(&field);
    if (name == "startedMs") last.started_ms = bson_iter_as_int64(&field);
    if (name == "finishedMs") last.finished_ms = bson_iter_as_int64(&field);
    if (name == "error") last.error = text_of(field);
    if (name == "repaired") last.repaired = bson_iter_as_bool(&field);
    if (name == "verifiedUntil" && BSON_ITER_HOLDS_TIMESTAMP(&field))
      bson_iter_timestamp(&field, &last.verified_until.t, &last.verified_until.i);
    if (name == "parts") read_parts(field, &last);
    if (name == "differences") read_differences(field, &last);
    if (name == "differs") read_differs(field, &last);
  }
  return record;
}

}  // namespace dualsync
