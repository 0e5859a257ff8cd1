// What identifies a measurement of a time series collection: its time, its `_id` and its fields in whatever order.
//
// Shape    measurements are BSON documents as a server reads them out of its buckets. Their `_id`s need not be unique,
//          and the order of their top-level fields is that of the bucket, so two servers may differ in it
// Threads  pure functions
// Source   the manual's "Time Series Collections"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dualsync {

// The name of the field that holds the time, of a collection's options; empty: these are not of a time series.
std::string time_field_of(std::string_view options);

// Milliseconds since 1970; the smallest number where the field holds no date.
std::int64_t measurement_time(std::string_view measurement, const std::string& time_field);

// The same bytes for measurements that differ in nothing but the order of their top-level fields.
std::string canonical_measurement(std::string_view measurement);

// A hash of that, another one for each `kind`.
std::uint64_t measurement_mark(std::string_view measurement, std::uint64_t kind);

// What finds it, and those of the same time and `_id`, on a server: {<time field>: ..., _id: ...}. One without an
// `_id` is found by all its fields.
std::string measurement_key(std::string_view measurement, const std::string& time_field);

}  // namespace dualsync
