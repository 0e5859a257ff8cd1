#include "dualsync/pipeline/ddl_applier.h"

#include <algorithm>
#include <array>

#include "dualsync/base/log.h"
#include "dualsync/base/mark.h"
#include "dualsync/base/waiting.h"
#include "dualsync/codec/bson.h"
#include "dualsync/model/archive_name.h"
#include "dualsync/pipeline/queue_keeper.h"
#include "dualsync/pipeline/refusal.h"
#include "dualsync/pipeline/schema_repair.h"
#include "dualsync/pipeline/time_series_list.h"

namespace dualsync {
namespace {

constexpr std::chrono::milliseconds kTakeWait{200};

// Fields of a collMod that can be repeated from what the event says. Of an index: its name or key, and the change.
constexpr std::array<std::string_view, 12> kToldChanges = {
    "index",      "validator",      "validationLevel", "validationAction", "changeStreamPreAndPostImages",
    "cappedSize", "cappedMax",      "viewOn",          "pipeline",         "expireAfterSeconds",
    "timeseries", "recordPreImages"};

bool says_what_changed(const DdlEvent& event) {
  bson_iter_t iter;
  if (!iterate_bson(event.description, &iter)) return false;
  bool any = false;
  while (bson_iter_next(&iter)) {
    const std::string_view name = bson_iter_key(&iter);
    if (std::find(kToldChanges.begin(), kToldChanges.end(), name) == kToldChanges.end()) return false;
    any = true;
  }
  return any;
}

CollectionInfo::Type type_of_created(const DdlEvent& event) {
  if (event.timeseries) return CollectionInfo::Type::kTimeseries;
  bson_iter_t iter;
  return find_field(event.description, "viewOn", &iter) ? CollectionInfo::Type::kView
                                                        : CollectionInfo::Type::kCollection;
}

}  // namespace

DdlApplier::DdlApplier(PipelineContext& context)
    : context_(context),
      binding_(context.queue),
      backoff_(0xd1b54a32d192ed03ULL),
      indexes_(context),
      archives_(context) {}

Result<void> DdlApplier::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    auto done = step(stop);
    if (done) done = archives_.tend();
    if (!done) DUALSYNC_TRY(outlast(done.error(), context_.queue, stop));
  }
  return {};
}

Result<void> DdlApplier::step(std::stop_token stop) {
  auto taken = context_.queue.take_ddl(kTakeWait, stop);
  if (!taken) return taken.error();
  if (*taken) return handle(**taken, stop);
  return {};
}

Result<void> DdlApplier::handle(const TakenDdl& ddl, std::stop_token stop) {
  if (!context_.breaker.closed() || !context_.may_write()) {
    DUALSYNC_TRY(context_.queue.retry_ddl(ddl.seq, std::chrono::milliseconds(500), false));
    sleep_for(std::chrono::milliseconds(200), stop);
    return {};
  }
  backup_ = context_.backup.make_reader();
  schema_ = context_.backup.make_schema_writer();
  DUALSYNC_MARK("ddl-taken");
  auto outcome = apply(ddl.event);
  DUALSYNC_MARK("ddl-applied");
  backup_.reset();
  schema_.reset();
  const log::Field ns_field("namespace", ddl.event.ns.full());
  const log::Field type_field("type", ddl.event.name);
  if (outcome) {
    backoff_.reset();
    log::info("ddl", "applied", {type_field, ns_field});
    for (const DirtyRange& range : outcome->dirty) {
      log::warn("ddl", "namespace will be compared and repaired",
                {{"namespace", range.ns.full()}, {"reason", range.reason}});
    }
    auto followed = context_.delete_guard != nullptr ? context_.delete_guard->follow(ddl.event) : Result<void>();
    auto completed = context_.queue.complete_ddl(ddl.seq, outcome->dirty, outcome->clean);
    return followed ? completed : followed;
  }
  const Error& error = outcome.error();
  const bool refused = is_refusal(error);
  if (refused && ddl.attempts >= context_.options.retries_max) {
    log::error("ddl", "refused for good: dead letter", {type_field, ns_field, {"error", error.message}});
    return context_.queue.dead_letter_ddl(ddl.seq, error, all_dirty(ddl.event, "refused " + ddl.event.name));
  }
  if (!refused) context_.breaker.failure(error.message);
  const auto delay = refused ? backoff_.delay_for(ddl.attempts + 1) : backoff_.next();
  log::warn("ddl", "not applied; tried again later",
            {type_field, ns_field, {"error", error.message}, {"retry_ms", delay.count()}});
  return context_.queue.retry_ddl(ddl.seq, delay, refused);
}

Result<DdlApplier::Outcome> DdlApplier::apply(const DdlEvent& event) {
  auto admitted = binding_.admits(event);
  if (!admitted) return admitted.error();
  if (!*admitted) {
    log::info("ddl", "not repeated: it was of another collection of this name",
              {{"type", event.name}, {"namespace", event.ns.full()}, {"cluster_time", event.time.to_string()}});
    Outcome outcome{all_dirty(event, event.name + " of an earlier collection"), {}};
    for (DirtyRange& range : outcome.dirty) range.other_collection = true;
    return outcome;
  }
  auto outcome = repeat(event);
  DUALSYNC_MARK("ddl-repeated");
  if (outcome) DUALSYNC_TRY(binding_.follow(event));
  return outcome;
}

Result<DdlApplier::Outcome> DdlApplier::repeat(const DdlEvent& event) {
  const Namespace backup_ns = context_.scope.to_backup(event.ns);
  switch (event.type) {
    case DdlEvent::Type::kCreate: return apply_create(event);
    case DdlEvent::Type::kCreateIndexes: return apply_create_indexes(event);
    case DdlEvent::Type::kDropIndexes: return apply_drop_indexes(event);
    case DdlEvent::Type::kModify: return apply_modify(event);
    case DdlEvent::Type::kRename: return apply_rename(event);
    case DdlEvent::Type::kDrop: {
      if (context_.time_series != nullptr) DUALSYNC_TRY(context_.time_series->forget(event.ns));
      DUALSYNC_TRY(indexes_.forget_owed(event.ns));
      DUALSYNC_TRY(remove_collection(context_, *backup_, *schema_, backup_ns, event.time, Removal::kDropped));
      return Outcome{{}, {event.ns}};
    }
    case DdlEvent::Type::kDropDatabase: return apply_drop_database(event);
  }
  return Outcome{};
}

Result<DdlApplier::Outcome> DdlApplier::apply_create(const DdlEvent& event) {
  const Namespace backup_ns = context_.scope.to_backup(event.ns);
  Outcome outcome;
  auto known = binding_.bound(event.ns);
  if (!known) return known.error();
  auto there = find_collection(*backup_, backup_ns);
  if (!there) return there.error();
  const auto type = type_of_created(event);
  const bool of_another = type == CollectionInfo::Type::kCollection && (known->empty() || *known != event.uuid);
  // A view holds nothing, and what a drop has left there is nothing of the new collection.
  const bool left_there = of_another && context_.options.on_drop == OnDrop::kKeep;
  if (*there && ((*there)->type != type || type == CollectionInfo::Type::kView || left_there)) {
    DUALSYNC_TRY(remove_collection(context_, *backup_, *schema_, backup_ns, event.time, Removal::kNameNeeded));
  } else if (*there && of_another) {
    auto empty = backup_->is_empty(backup_ns);
    if (!empty) return empty.error();
    if (!*empty)
      outcome.dirty.push_back(dirty(event.ns, "created on local, but the backup already held documents", event));
  }
  DUALSYNC_TRY(schema_->create_collection(backup_ns, event.description));
  if (event.timeseries) {
    log::info("ddl", "a time series collection has no change stream: it is mirrored by comparing, not live",
              {{"namespace", event.ns.full()}});
    if (context_.time_series != nullptr) DUALSYNC_TRY(context_.time_series->add(event.ns));
    outcome.dirty.push_back(dirty(event.ns, "a time series has been created", event));
  }
  return outcome;
}

// Not every server says what it changed.
Result<DdlApplier::Outcome> DdlApplier::apply_modify(const DdlEvent& event) {
  if (!says_what_changed(event)) return repair_schema(event);
  auto modified = schema_->modify_collection(context_.scope.to_backup(event.ns), event.description);
  if (modified) return Outcome{};
  if (modified.error().kind != ErrorKind::kNotFound) return modified.error();
  return Outcome{{dirty(event.ns, "collMod of a collection or an index that the backup lacks", event)}, {}};
}

// Local's schema as it is now: what comes after this change in the queue makes the same of it again. What local has
// under that name no more is compared as a whole, at its new name if there is one.
Result<DdlApplier::Outcome> DdlApplier::repair_schema(const DdlEvent& event) {
  const Outcome whole{{dirty(event.ns, event.name + " that only a look at local can repeat", event)}, {}};
  const auto local = context_.local.make_reader();
  auto info = find_collection(*local, event.ns);
  if (!info || !*info) return whole;
  const std::string& uuid = (*info)->uuid;  // views have none
  if (!uuid.empty() && !event.uuid.empty() && uuid != event.uuid) return whole;
  std::vector<std::string> wanted;
  if ((*info)->type == CollectionInfo::Type::kCollection) {
    auto indexes = local->list_indexes(event.ns);
    if (!indexes || indexes->empty()) return whole;
    wanted = std::move(*indexes);
  }
  SchemaRepair repair(context_, indexes_, *backup_, *schema_);
  auto there = repair.prepare(**info);
  if (there && *there) DUALSYNC_TRY(repair.finish(**info, wanted, false));
  return there ? Result<Outcome>(Outcome{}) : there.error();
}

Result<DdlApplier::Outcome> DdlApplier::apply_create_indexes(const DdlEvent& event) {
  for (const std::string& definition : index_definitions(event)) {
    auto created = indexes_.create(event.ns, definition);
    if (created) continue;
    if (created.error().kind == ErrorKind::kConflict) return repair_schema(event);
    return created.error();
  }
  return Outcome{};
}

Result<DdlApplier::Outcome> DdlApplier::apply_drop_indexes(const DdlEvent& event) {
  for (const std::string& definition : index_definitions(event)) {
    const std::string name = index_name(definition);
    DUALSYNC_TRY(indexes_.forget_owed(event.ns, name));
    auto dropped = schema_->drop_index(context_.scope.to_backup(event.ns), name);
    if (!dropped && dropped.error().kind != ErrorKind::kNotFound) return dropped.error();
  }
  return Outcome{};
}

// True if nothing of `to` is kept: then the rename itself drops it, and nobody sees a moment without either.
Result<bool> DdlApplier::replaces_at_once(const Namespace& to) {
  if (context_.options.on_drop != OnDrop::kMirror) return false;
  auto there = find_collection(*backup_, to);
  if (!there) return there.error();
  return !*there || (*there)->type == CollectionInfo::Type::kCollection;
}

Result<DdlApplier::Outcome> DdlApplier::apply_rename(const DdlEvent& event) {
  const bool from_in_scope = context_.scope.contains(event.ns);
  const bool to_in_scope = context_.scope.contains(event.to);
  const Namespace from = context_.scope.to_backup(event.ns);
  const Namespace to = context_.scope.to_backup(event.to);
  DUALSYNC_TRY(indexes_.forget_owed(event.to));
  if (!from_in_scope) {
    // `$out` does so, again and again: what stood at the name is replaced on purpose, and much of it may be the same.
    DirtyRange range = dirty(event.to, "renamed into the scope", event);
    range.other_collection = true;
    return Outcome{{std::move(range)}, {event.to}};
  }
  if (!to_in_scope) {
    DUALSYNC_TRY(remove_collection(context_, *backup_, *schema_, from, event.time, Removal::kDropped));
    return Outcome{{}, {event.ns}};
  }
  auto source = find_collection(*backup_, from);
  if (!source) return source.error();
  if (!*source) {
    // Done before a crash, or never there: only a comparison can tell.
    return Outcome{{dirty(event.to, "renamed, but the backup lacks the source", event)}, {event.ns}};
  }
  auto at_once = replaces_at_once(to);
  if (!at_once) return at_once.error();
  // What the rename replaces is dropped, and a dropped collection is kept, if not under its name.
  if (!*at_once) DUALSYNC_TRY(remove_collection(context_, *backup_, *schema_, to, event.time, Removal::kNameNeeded));
  DUALSYNC_MARK("rename-target-archived");
  auto renamed = schema_->rename(from, to, true);
  if (!renamed) return renamed.error();
  DUALSYNC_TRY(indexes_.move_owed(event.ns, event.to));
  Outcome outcome{{}, {event.ns, event.to}};
  if (is_dirty(event.ns)) outcome.dirty.push_back(dirty(event.to, "renamed while it was being repaired", event));
  return outcome;
}

Result<DdlApplier::Outcome> DdlApplier::apply_drop_database(const DdlEvent& event) {
  const std::string backup_db = context_.scope.backup_database(event.ns.db);
  auto collections = backup_->list_collections(backup_db);
  if (!collections) return collections.error();
  Outcome outcome;
  for (const CollectionInfo& info : *collections) {
    const Namespace local{event.ns.db, info.ns.collection};
    if (!context_.scope.contains(local) || is_archive_name(info.ns.collection)) continue;
    auto bound = binding_.bound(local);
    if (!bound) return bound.error();
    if (!bound->empty()) {
      // Its own drop would have come before this change: it came into being later, or that drop was lost.
      outcome.dirty.push_back(dirty(local, "an earlier database of this name was dropped", event));
      continue;
    }
    if (context_.time_series != nullptr) DUALSYNC_TRY(context_.time_series->forget(local));
    DUALSYNC_TRY(indexes_.forget_owed(local));
    DUALSYNC_TRY(remove_collection(context_, *backup_, *schema_, info.ns, event.time, Removal::kDropped));
    outcome.clean.push_back(local);
  }
  return outcome;
}

std::vector<DirtyRange> DdlApplier::all_dirty(const DdlEvent& event, const std::string& reason) const {
  std::vector<DirtyRange> ranges;
  for (const Namespace& ns : event.concerns()) {
    if (context_.scope.contains(ns)) ranges.push_back(dirty(ns, reason, event));
  }
  return ranges;
}

bool DdlApplier::is_dirty(const Namespace& ns) const {
  const auto ranges = context_.queue.dirty_ranges();
  return std::any_of(ranges.begin(), ranges.end(), [&](const DirtyRange& range) { return range.ns == ns; });
}

DirtyRange DdlApplier::dirty(const Namespace& ns, const std::string& reason, const DdlEvent& event) const {
  DirtyRange range{ns, reason, event.time.previous(), false, ""};
  for (const DirtyRange& known : context_.queue.dirty_ranges()) {
    if (known.ns == event.ns) {
      range.gap_start = std::min(range.gap_start, known.gap_start);
      range.first_copy = known.first_copy;
      range.other_collection = known.other_collection;
    }
  }
  return range;
}

}  // namespace dualsync
