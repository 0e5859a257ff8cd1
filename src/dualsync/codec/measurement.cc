#include "dualsync/codec/measurement.h"

#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "dualsync/codec/bson.h"

namespace dualsync {
namespace {

std::string_view name_of(const BsonIter& field) { return {bson_iter_key(&field.at), bson_iter_key_len(&field.at)}; }

}  // namespace

std::string time_field_of(std::string_view options) {
  bson_iter_t iter;
  if (!find_field(options, "timeseries", &iter)) return {};
  const auto series = iter_document(iter);
  if (!series || !find_field(*series, "timeField", &iter)) return {};
  return std::string(iter_string(iter).value_or(""));
}

std::int64_t measurement_time(std::string_view measurement, const std::string& time_field) {
  bson_iter_t iter;
  if (!find_field(measurement, time_field.c_str(), &iter) || !BSON_ITER_HOLDS_DATE_TIME(&iter))
    return std::numeric_limits<std::int64_t>::min();
  return bson_iter_date_time(&iter);
}

std::string canonical_measurement(std::string_view measurement) {
  std::vector<BsonIter> fields;
  bson_iter_t iter;
  if (iterate_bson(measurement, &iter)) {
    while (bson_iter_next(&iter)) fields.push_back({iter});
  }
  const auto before = [](const BsonIter& a, const BsonIter& b) { return name_of(a) < name_of(b); };
  if (std::is_sorted(fields.begin(), fields.end(), before)) return std::string(measurement);
  std::stable_sort(fields.begin(), fields.end(), before);
  BsonDoc sorted;
  for (const BsonIter& field : fields) append_value(sorted.get(), name_of(field), field.at);
  return sorted.str();
}

std::uint64_t measurement_mark(std::string_view measurement, std::uint64_t kind) {
  const std::string bytes = canonical_measurement(measurement);
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), kind);
}

std::string measurement_key(std::string_view measurement, const std::string& time_field) {
  bson_iter_t time;
  bson_iter_t id;
  if (!find_field(measurement, time_field.c_str(), &time) || !find_field(measurement, "_id", &id))
    return std::string(measurement);
  BsonDoc key;
  append_value(key.get(), time_field, time);
  append_value(key.get(), "_id", id);
  return key.str();
}

}  // namespace dualsync
