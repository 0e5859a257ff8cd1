#include "dualsync/pipeline/copy_progress.h"

#include <algorithm>

#include "dualsync/codec/bson.h"

namespace dualsync {

Result<CopyProgress> plan_ranges(DocumentReader& reader, const Namespace& ns, std::size_t ranges_max) {
  constexpr std::uint64_t kDocumentsPerRange = 500'000;
  auto count = reader.estimated_count(ns);
  if (!count) return count.error();
  const std::size_t parts = std::clamp<std::size_t>(*count / kDocumentsPerRange, 1, ranges_max);
  CopyProgress progress;
  std::string previous;
  if (parts > 1) {
    auto points = reader.split_points(ns, parts);
    if (!points) return points.error();
    for (const std::string& point : *points) {
      progress.ranges.push_back({{previous, point}, "", false});
      previous = point;
    }
  }
  progress.ranges.push_back({{previous, ""}, "", false});
  return progress;
}

bool CopyProgress::done() const {
  return std::all_of(ranges.begin(), ranges.end(), [](const CopyRange& range) { return range.done; });
}

std::string CopyProgress::encode() const {
  BsonDoc doc;
  bson_append_binary(doc.get(), "uuid", -1, BSON_SUBTYPE_BINARY, reinterpret_cast<const std::uint8_t*>(uuid.data()),
                     static_cast<std::uint32_t>(uuid.size()));
  bson_t array;
  bson_append_array_begin(doc.get(), "ranges", -1, &array);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    bson_t entry;
    const std::string index = std::to_string(i);
    bson_append_document_begin(&array, index.c_str(), -1, &entry);
    if (!ranges[i].bounds.min.empty()) append_document(&entry, "min", ranges[i].bounds.min);
    if (!ranges[i].bounds.max.empty()) append_document(&entry, "max", ranges[i].bounds.max);
    if (!ranges[i].last.empty()) append_document(&entry, "last", ranges[i].last);
    bson_append_bool(&entry, "done", -1, ranges[i].done);
    bson_append_document_end(&array, &entry);
  }
  bson_append_array_end(doc.get(), &array);
  if (!looked_at.is_null()) bson_append_timestamp(doc.get(), "lookedAt", -1, looked_at.t, looked_at.i);
  if (comparing) bson_append_bool(doc.get(), "comparing", -1, true);
  return doc.str();
}

std::optional<CopyProgress> CopyProgress::decode(std::string_view bytes) {
  bson_iter_t iter;
  if (bytes.empty() || !iterate_bson(bytes, &iter)) return std::nullopt;
  CopyProgress progress;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (name == "uuid") progress.uuid = iter_binary(iter).value_or("");
    if (name == "lookedAt" && BSON_ITER_HOLDS_TIMESTAMP(&iter))
      bson_iter_timestamp(&iter, &progress.looked_at.t, &progress.looked_at.i);
    if (name == "comparing") progress.comparing = bson_iter_as_bool(&iter);
    bson_iter_t child;
    if (name != "ranges" || !BSON_ITER_HOLDS_ARRAY(&iter) || !bson_iter_recurse(&iter, &child)) continue;
    while (bson_iter_next(&child)) {
      CopyRange range;
      bson_iter_t field;
      if (!bson_iter_recurse(&child, &field)) return std::nullopt;
      while (bson_iter_next(&field)) {
        const std::string_view part = bson_iter_key(&field);
        if (part == "done") range.done = bson_iter_as_bool(&field);
        if (part == "min") range.bounds.min = iter_document(field).value_or(std::string_view());
        if (part == "max") range.bounds.max = iter_document(field).value_or(std::string_view());
        if (part == "last") range.last = iter_document(field).value_or(std::string_view());
      }
      progress.ranges.push_back(std::move(range));
    }
  }
  if (progress.ranges.empty() && progress.looked_at.is_null()) return std::nullopt;
  return progress;
}

}  // namespace dualsync
