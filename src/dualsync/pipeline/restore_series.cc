// Restore: time series collections.
#include "dualsync/codec/bson.h"
#include "dualsync/codec/measurement.h"
#include "dualsync/pipeline/restore.h"
#include "dualsync/pipeline/schema_compare.h"
#include "dualsync/pipeline/time_series_copy.h"

namespace dualsync {
namespace {

constexpr const char* kTtl = "expireAfterSeconds";
// The backup may be mirrored into meanwhile.
constexpr int kSeriesPassesMax = 6;

std::string without_ttl(std::string_view options) {
  BsonDoc kept;
  bson_iter_t field;
  if (iterate_bson(options, &field)) {
    while (bson_iter_next(&field)) {
      if (bson_iter_key(&field) != std::string_view(kTtl)) append_value(kept.get(), bson_iter_key(&field), field);
    }
  }
  return kept.str();
}

}  // namespace

// Nothing may expire before it is proven that all of it is there.
Result<RestoredNamespace> Restore::restore_time_series(const Item& item, std::stop_token stop) {
  bson_iter_t ttl;
  if (item.before != TargetState::kAbsent) {
    if (!different_options(item.info.options, item.target_options).empty()) {
      return Error{ErrorKind::kRefused, item.target.full() + ": a time series with other options is there",
                   "drop or rename it there, or restore into another database (--to)", 0};
    }
    if (find_field(item.target_options, kTtl, &ttl)) {
      BsonDoc off;
      BSON_APPEND_UTF8(off.get(), kTtl, "off");
      DUALSYNC_TRY(schema_->modify_collection(item.target, off.bytes()));
    }
  }
  if (auto created = schema_->create_collection(item.target, without_ttl(item.info.options)); !created)
    return created.error().in("target");
  DUALSYNC_TRY(restore_indexes(item, false));
  RestoredNamespace done;
  DUALSYNC_TRY(restore_measurements(item, stop, &done));
  if (find_field(item.info.options, kTtl, &ttl)) {
    BsonDoc on;
    append_value(on.get(), kTtl, ttl);
    DUALSYNC_TRY(schema_->modify_collection(item.target, on.bytes()));
  }
  DUALSYNC_TRY(restore_indexes(item, true));
  DUALSYNC_TRY(check_options(item));
  DUALSYNC_TRY(check_indexes(item));
  return done;
}

// The pass that finds nothing is the proof.
Result<void> Restore::restore_measurements(const Item& item, std::stop_token stop, RestoredNamespace* done) {
  const auto stopped = [&](std::size_t, std::size_t) -> Result<void> {
    if (stop.stop_requested()) return Error{ErrorKind::kStopped, "restore stopped", "", 0};
    return {};
  };
  TimeSeriesCopy copy({scope_.to_backup(item.info.ns), item.target, time_field_of(item.info.options)}, stopped);
  const auto writer = target_.make_writer();
  std::optional<Error> refusal;
  std::uint64_t differ = 0;
  for (int i = 0; i < kSeriesPassesMax; ++i) {
    std::uint64_t told = 0;
    const auto walked = [&](const CompareCounts& now) {
      if (i == 0) add_progress_(now.local - told);
      told = now.local;
    };
    auto counts = copy.pass(*source_reader_, *writer, TimeSeriesCopy::Foreign::kRemove, stop, walked);
    if (!counts) return counts.error();
    done->documents = counts->source;
    done->written += counts->written;
    if (counts->refusal) refusal = counts->refusal;
    differ = counts->missing + counts->foreign;
    if (differ == 0) return {};
  }
  return Error{ErrorKind::kRefused,
               item.target.full() + ": " + std::to_string(differ) + " measurements still differ from the backup" +
                   (refusal ? "; the target refused: " + refusal->message : ""),
               "Nothing else may write to the target meanwhile; if the mirror writes to the backup, try again.", 0};
}

}  // namespace dualsync
