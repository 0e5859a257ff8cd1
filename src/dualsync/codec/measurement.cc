#include "dualsync/codec/measurement.h"

#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <numeric>
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
  // By their places: an algorithm's own buffers are not aligned as iterators have to be. Equal names keep their order.
  std::vector<std::size_t> places(fields.size());
  std::iota(places.begin(), places.end(), 0);
  const auto before = [&](std::size_t a, std::size_t b) {
    const int order = name_of(fields[a]).compare(name_of(fields[b]));
    return order != 0 ? order < 0 : a < b;
  };
  if (std::is_sorted(places.begin(), places.end(), before)) return std::string(measurement);
  std::sort(places.begin(), places.end(), before);
  BsonDoc sorted;
  for (const std::size_t place : places) append_value(sorted.get(), name_of(fields[place]), fields[place].at);
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
